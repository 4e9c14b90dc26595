"""The containers of this site: what runs in them, how they do, their output, their end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docker
from docker.errors import APIError, NotFound

from experiments_app.containers.labels import ATTEMPT, EXPERIMENT, TOKEN, site_filter
from experiments_app.containers.removal import remove
from experiments_app.models import Experiment
from experiments_app.network import network_environment
from experiments_app.system import removals
from experiments_app.system.docker_state import engine
from tasks_app.masking import mask_text, secrets_in, spec_secrets

STATS_APART_S = 0.4
STOP_GRACE_S = 10
TAIL_LINES = 400
TAIL_CHARACTERS = 128 * 1024


@dataclass(frozen=True)
class Usage:
    cpu_cores: float
    memory_bytes: int


@dataclass(frozen=True)
class OurContainer:
    """`experiment`: what it was started for, None when that is deleted. `is_owned`: a live
    experiment needs it, and will remove it."""

    id: str
    name: str
    image: str
    state: str
    words: str
    created_at: datetime
    attempt: str
    experiment: Experiment | None
    is_owned: bool
    usage: Usage | None = None

    @property
    def is_running(self) -> bool:
        return self.state in {"running", "paused", "restarting"}

    @property
    def key(self) -> str:
        return f"container {self.id}"

    @property
    def is_going(self) -> bool:
        """Its stop, or its removal, is under way."""
        return removals.is_under_way(self.key)


def find_containers(client: docker.DockerClient) -> list[OurContainer]:
    """Those with this site's label, the newest first."""
    return _of_rows(client.api.containers(all=True, filters=site_filter()))


def find_container(client: docker.DockerClient, container_id: str) -> OurContainer | None:
    """None unless it is this site's, whatever else has that id."""
    filters = {**site_filter(), "id": container_id}
    rows = client.api.containers(all=True, filters=filters)
    return next((one for one in _of_rows(rows) if one.id == container_id), None)


def _of_rows(rows: list[Mapping[str, Any]]) -> list[OurContainer]:
    pks = [pk for row in rows if (pk := row["Labels"].get(EXPERIMENT, "")).isdecimal()]
    experiments = {
        str(experiment.pk): experiment
        for experiment in Experiment.objects.filter(pk__in=pks).select_related("task")
    }
    found = [_of_row(row, experiments.get(row["Labels"].get(EXPERIMENT, ""))) for row in rows]
    return sorted(found, key=lambda container: container.created_at, reverse=True)


def _of_row(row: Mapping[str, Any], experiment: Experiment | None) -> OurContainer:
    token = row["Labels"].get(TOKEN, "")
    return OurContainer(
        id=row["Id"],
        name=(row.get("Names") or ["/"])[0].lstrip("/"),
        image=row["Image"],
        state=row["State"],
        words=row["Status"],
        created_at=datetime.fromtimestamp(row["Created"], tz=UTC),
        attempt=row["Labels"].get(ATTEMPT, ""),
        experiment=experiment,
        is_owned=bool(token) and experiment is not None and experiment.owner_token == token,
    )


def usage_of(client: docker.DockerClient, ids: list[str]) -> dict[str, Usage]:
    """CPU and memory of running containers, all looked at twice, a moment apart."""
    before = {container_id: _stats(client, container_id) for container_id in ids}
    if not before:
        return {}
    time.sleep(STATS_APART_S)
    usage = {}
    for container_id, first in before.items():
        second = _stats(client, container_id)
        if first and second and second[0] > first[0]:
            cores = (second[1] - first[1]) / (second[0] - first[0])
            usage[container_id] = Usage(max(cores, 0.0), second[2])
    return usage


def _stats(client: docker.DockerClient, container_id: str) -> tuple[float, float, int] | None:
    """Seconds now, seconds of CPU, bytes of memory without the file cache; None when it is gone."""
    try:
        stats = client.api.stats(container_id, stream=False, one_shot=True)
        memory = stats["memory_stats"]
        detail = memory.get("stats", {})
        cached = detail.get("total_inactive_file", detail.get("inactive_file", 0))
        cpu_s = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        return time.monotonic(), cpu_s, int(memory["usage"] - cached)
    except (APIError, KeyError):
        return None


def log_tail(client: docker.DockerClient, container: OurContainer) -> str:
    """The end of what it wrote, without the secrets that it may have repeated: those that it was
    given when it was made, and those that have taken their place since."""
    try:
        given = client.api.inspect_container(container.id)["Config"].get("Env") or []
        output = client.api.logs(container.id, tail=TAIL_LINES)
    except NotFound:
        return ""
    secrets = secrets_in({name: value for name, _, value in (v.partition("=") for v in given)})
    if container.experiment is not None:
        spec = container.experiment.task.spec
        secrets += [*secrets_in(network_environment(spec.access)), *spec_secrets(spec)]
    text = output.decode("utf-8", errors="replace")
    # Cut when it is masked: half a secret would not be found.
    return mask_text(text, network_environment(), *secrets)[-TAIL_CHARACTERS:]


def stop_container(container: OurContainer) -> bool:
    """End it, and remove it where no live experiment will: that one keeps its log first. Whether
    that is done; else it goes on. Raises DockerUnreachable, and APIError for a refusal."""

    def stop() -> None:
        with engine(removals.LIMIT_S) as client:
            found = client.containers.get(container.id)
            if container.is_owned:
                found.stop(timeout=STOP_GRACE_S)
            else:
                remove(found, grace_s=STOP_GRACE_S if container.is_running else 0)

    return removals.remove(container.key, stop)
