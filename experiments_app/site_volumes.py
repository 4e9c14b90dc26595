"""The volumes of a task on this host: under what the site allows, and clear of its own folders."""

import os
from collections.abc import Collection
from pathlib import Path

from django.conf import settings

from experiments_app.containers.description import Mount
from experiments_app.hub import hf_home
from tasks_app.problems import Problem
from tasks_app.spec import TaskSpec
from tasks_app.volumes import VolumeRefused, mountable, volume_problems


def volume_mounts(spec: TaskSpec) -> tuple[Mount, ...]:
    """Raises VolumeRefused."""
    volumes = (
        mountable(entry, settings.DOCKER_VOLUMES, _forbidden()) for entry in spec.container.volumes
    )
    return tuple(Mount(Path(v.source), v.target, v.read_only) for v in volumes)


def check_volumes(spec: TaskSpec, planned: Collection[Mount]) -> None:
    """Right before a container is created: a pull may have taken an hour since it was planned,
    and what was a folder then may be a link now. Raises VolumeRefused."""
    for mount in volume_mounts(spec):
        if mount not in planned:
            raise VolumeRefused(
                f"what lies at {mount.target} was changed after it was checked: it is"
                f" {mount.source} now",
                "start the task again",
            )


def site_volume_problems(spec: TaskSpec) -> list[Problem]:
    """Why a container of this host cannot have the task's volumes."""
    return volume_problems(spec.container.volumes, settings.DOCKER_VOLUMES, _forbidden())


def _forbidden() -> tuple[Path, ...]:
    """Secrets, results and accounts of this site, the hub's cache and token, Docker's socket."""
    own = (Path(settings.AUTOTUNER_HOME), Path(settings.BASE_DIR) / ".env", hf_home())
    scheme, _, socket = os.environ.get("DOCKER_HOST", "").partition("://")
    return (*own, Path(socket)) if scheme == "unix" and socket else own
