"""A server in a container of its own."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import docker
import psutil
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests import RequestException

from experiments_app.containers import refusals
from experiments_app.containers.client import (
    DockerUnreachable,
    is_unreachable,
    wait_for_client,
)
from experiments_app.containers.images import ensure_image, find_image
from experiments_app.containers.labels import TOKEN
from experiments_app.containers.progress import PullProgress
from experiments_app.containers.removal import leftovers_of, remove
from experiments_app.containers.usage import ContainerUsage
from experiments_app.engines import readiness
from experiments_app.engines.base import EngineError, FailureKind, Launch
from experiments_app.engines.container_log import ContainerLog
from experiments_app.engines.failure import explain_exit, remedy_for

# How long an engine that was there a moment ago may be away: a restart of it takes seconds.
WAIT_FOR_DOCKER_S = 60.0
OUTAGE_LIMIT_S = 30.0
LOOK_EVERY_S = 0.5
TAIL_LINES = 20
CLOSE_LOG_S = 3.0
CALL_TIMEOUT_S = 30.0
ENDED_BY_DOCKER = frozenset({0, 137, 143})  # exit codes of a server that was told to end
GOES_DOWN_WITHIN_S = 1.5


class DockerEngine:
    name = "docker"

    def prepare(
        self,
        launch: Launch,
        *,
        on_progress: Callable[[PullProgress], None],
        check: Callable[[], None],
    ) -> Launch:
        from experiments_app.site_settings import value_of

        container = launch.container
        assert container is not None  # noqa: S101  the launch plan's promise for this engine
        client = _connected(check)
        try:
            pinned = find_image(client, container.image_digest) if container.image_digest else None
            image = pinned or ensure_image(
                client,
                container.image,
                timeout_s=float(value_of("DOCKER_PULL_TIMEOUT_S")),
                on_progress=on_progress,
                check=check,
            )
        except (APIError, RequestException) as error:
            raise _engine_error(error) from error
        finally:
            client.close()
        container = replace(container, image=image.reference, image_digest=image.digest)
        return replace(launch, container=container, command=container.shell_command())

    def start(self, launch: Launch) -> "DockerServer":
        return DockerServer(launch)


class DockerServer:
    """A `RunningServer`; see there for what its methods promise."""

    def __init__(self, launch: Launch) -> None:
        assert launch.container is not None  # noqa: S101
        self._launch = launch
        self._description = launch.container
        self._stopped = False
        self._state: Mapping[str, Any] = {"Running": True, "Pid": 0}
        self._looked_at_s = 0.0
        self._unreachable_since_s: float | None = None
        self._was_unreachable = False
        self._client = _connected(lambda: None)
        self._container: Container | None = None
        self._log: ContainerLog | None = None
        self._usage: ContainerUsage | None = None
        self._started_at_s = time.monotonic()
        try:
            self._start()
        except BaseException:
            self._clean_up_failed_start()
            raise

    def _start(self) -> None:
        launch, description = self._launch, self._description
        for leftover in leftovers_of(self._client, launch.labels):
            remove(leftover, grace_s=0)
        if readiness.port_is_taken(launch.host, launch.port):
            raise EngineError(
                FailureKind.PORT_TAKEN,
                f"Port {launch.port} on {launch.host} is taken by another process."
                f" {remedy_for(FailureKind.PORT_TAKEN)}",
            )
        try:
            self._container = self._client.containers.create(
                name=f"autotuner-{launch.labels[TOKEN][:12]}",
                labels=dict(launch.labels),
                **description.create_arguments(),
            )
            self._usage = ContainerUsage(self._client, self._id)
            self._log = ContainerLog(self._container, launch)
            self._started_at_s = time.monotonic()
            self._container.start()
        except (DockerException, RequestException, OSError) as error:
            raise _engine_error(error) from error

    # While it runs

    @property
    def _id(self) -> str:
        return str(self._container.id) if self._container else ""

    def facts(self) -> Mapping[str, str]:
        return {"container_id": self._id, "image_digest": self._description.image_digest}

    def granted_environment(self) -> dict[str, str]:
        """What the container really got, read back from Docker."""
        assert self._container is not None  # noqa: S101
        try:
            self._container.reload()
        except (DockerException, RequestException, OSError):
            return {}
        pairs = (entry.partition("=") for entry in self._container.attrs["Config"]["Env"] or ())
        return {name: value for name, _, value in pairs}

    @property
    def log_incomplete(self) -> str | None:
        return self._log.capture.incomplete if self._log else None

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        return self._log.capture.tail(lines) if self._log else ""

    def alive(self) -> bool:
        self._look()
        return bool(self._state.get("Running"))

    def check_alive(self) -> None:
        if self.alive():
            return
        if self._log is not None:
            self._log.drain()
            self._log.capture.wait_drained(1.0)
        code = int(self._state.get("ExitCode", 0))
        if self._was_unreachable or (code in ENDED_BY_DOCKER and self._engine_goes_down()):
            kind = FailureKind.DOCKER_RESTARTED
            raise EngineError(
                kind,
                f"The Docker engine was restarted and ended the container. {remedy_for(kind)}",
                log_tail=self.log_tail(),
            )
        failure = explain_exit(
            128 - code if code > 128 else code,  # as subprocess has it: negative for a signal
            self._log.capture.text() if self._log else "",
            killed_for_memory=bool(self._state.get("OOMKilled")),
            on_gpus=bool(self._launch.gpu_ids),
        )
        message = failure.message
        if self._state.get("OOMKilled") and self._description.memory_bytes:
            limit_gib = self._description.memory_bytes / 1024**3
            message += f" Its limit was {limit_gib:g} GiB (container.memory_gib)."
        raise EngineError(failure.kind, message, log_tail=self.log_tail())

    def confirm_alive(self, check: Callable[[], None]) -> None:
        while True:
            self._looked_at_s = 0.0
            self.check_alive()
            if self._unreachable_since_s is None:
                return
            check()
            time.sleep(LOOK_EVERY_S)

    def _engine_goes_down(self) -> bool:
        """Whether the engine goes away now: it ends its containers first, and then itself."""
        deadline_s = time.monotonic() + GOES_DOWN_WITHIN_S
        while time.monotonic() < deadline_s:
            try:
                self._client.ping()
            except (DockerException, RequestException, OSError):
                return True
            time.sleep(0.1)
        return False

    def _look(self) -> None:
        """Ask the engine for the container's state, a few times a second at most."""
        log_ended = self._log is not None and self._log.has_ended
        now_s = time.monotonic()
        if now_s - self._looked_at_s < (0.05 if log_ended else LOOK_EVERY_S):
            return
        self._looked_at_s = now_s
        try:
            self._state = self._client.api.inspect_container(self._id)["State"]
        except NotFound:
            self._state = {"Running": False, "ExitCode": 0}
            self._was_unreachable = False
            kind = FailureKind.CRASHED
            raise EngineError(
                kind, "The container was removed by somebody else.", log_tail=self.log_tail()
            ) from None
        except (DockerException, RequestException, OSError) as error:
            if is_unreachable(error):
                self._note_outage(error)
            return
        self._unreachable_since_s = None

    def _note_outage(self, error: Exception) -> None:
        """An engine that restarts is away for seconds; the container tells afterwards."""
        self._was_unreachable = True
        since_s = self._unreachable_since_s
        if since_s is None:
            self._unreachable_since_s = time.monotonic()
        elif time.monotonic() - since_s > OUTAGE_LIMIT_S:
            kind = FailureKind.DOCKER_UNREACHABLE
            raise EngineError(
                kind,
                f"The Docker engine has not answered for {OUTAGE_LIMIT_S:g} s. {remedy_for(kind)}",
                log_tail=self.log_tail(),
            ) from error

    def wait_ready(self, timeout_s: float, check: Callable[[], None]) -> float:
        readiness.wait_until_ready(self, self._launch, timeout_s, check)
        return time.monotonic() - self._started_at_s

    def usage(self) -> Mapping[str, float]:
        return self._usage() if self._usage is not None else {}

    def check_port_is_ours(self) -> None:
        """Raises EngineError when the server that answers is not the one in the container."""
        if self._description.network != "host":
            return  # Docker itself holds the port and leads it to this container alone
        if self._listens():
            return
        self.check_alive()
        raise EngineError(
            FailureKind.PORT_TAKEN,
            f"Another process answers on port {self._launch.port} of {self._launch.host}, not the"
            f" container that was started. {remedy_for(FailureKind.PORT_TAKEN)}",
            log_tail=self.log_tail(),
        )

    def _listens(self) -> bool:
        port = self._launch.port
        listening = [
            found
            for found in psutil.net_connections(kind="tcp")
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port
        ]
        owners = {found.pid for found in listening}
        if None in owners:
            # Its processes are root's and we are not: one listener, and the port was free before.
            return len(listening) == 1
        try:
            table = self._client.api.top(self._id)
        except (DockerException, RequestException, OSError):
            return True  # an outage, or it has ended: check_alive tells
        column = table["Titles"].index("PID")
        return bool(owners & {int(row[column]) for row in table["Processes"] or ()})

    # The end

    def stop(self, *, grace_s: float | None = None) -> None:
        if self._stopped:
            return
        grace_s = self._launch.stop_grace_s if grace_s is None else grace_s
        if self._container is not None:
            self._remove(self._container, grace_s)
        if self._log is not None:
            self._log.close()
        self._client.close()
        self._stopped = True

    def _remove(self, container: Container, grace_s: float) -> None:
        drain = self._log.drain if self._log else lambda: None
        try:
            remove(container, grace_s=grace_s, before_removal=drain)
        except (DockerException, RequestException, OSError) as error:
            if not is_unreachable(error):
                raise EngineError(
                    FailureKind.OTHER,
                    f"The container {container.short_id} could not be removed: {error}",
                ) from error
            try:
                client = wait_for_client(OUTAGE_LIMIT_S, lambda: None)
                with closing(client), suppress(NotFound):
                    remove(client.containers.get(str(container.id)), grace_s=grace_s)
            except (DockerUnreachable, DockerException, RequestException, OSError) as again:
                raise EngineError(
                    FailureKind.DOCKER_UNREACHABLE,
                    f"The container {container.short_id} could not be removed, for {again}."
                    " It is removed when the engine is back.",
                ) from again

    def _clean_up_failed_start(self) -> None:
        with suppress(EngineError):
            self.stop(grace_s=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A worker that is told to end has a second for it.
        hurried = isinstance(error, KeyboardInterrupt | SystemExit)
        self.stop(grace_s=0 if hurried else None)


def _connected(check: Callable[[], None]) -> docker.DockerClient:
    try:
        return wait_for_client(WAIT_FOR_DOCKER_S, check, CALL_TIMEOUT_S)
    except DockerUnreachable as error:
        raise EngineError(FailureKind.DOCKER_UNREACHABLE, f"{error}.") from error


def _engine_error(error: Exception) -> EngineError:
    if is_unreachable(error):
        return EngineError(FailureKind.DOCKER_UNREACHABLE, f"The Docker engine went away: {error}.")
    return refusals.explain(str(getattr(error, "explanation", None) or error))
