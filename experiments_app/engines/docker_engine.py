"""A server in a container of its own."""

import logging
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

import docker
import psutil
from docker.errors import DockerException, NotFound
from docker.models.containers import Container
from requests import RequestException

from experiments_app.containers import refusals
from experiments_app.containers.client import (
    DockerUnreachable,
    is_unreachable,
    wait_for_client,
)
from experiments_app.containers.description import GIBIBYTE, ContainerDescription
from experiments_app.containers.images import Image, ensure_image, find_image
from experiments_app.containers.labels import TOKEN
from experiments_app.containers.progress import PullProgress
from experiments_app.containers.removal import leftovers_of, remove
from experiments_app.containers.shared_memory import SharedMemory
from experiments_app.containers.usage import ContainerUsage
from experiments_app.engines import readiness
from experiments_app.engines.base import EngineError, FailureKind, Launch
from experiments_app.engines.container_log import ContainerLog
from experiments_app.engines.container_state import (
    LOOK_EVERY_S,
    OUTAGE_LIMIT_S,
    TAIL_LINES,
    ContainerState,
)
from experiments_app.engines.failure import explain_exit, remedy_for
from experiments_app.engines.kernel_memory import host_oom_kills

logger = logging.getLogger(__name__)

# How long an engine that was there a moment ago may be away: a restart of it takes seconds.
WAIT_FOR_DOCKER_S = 60.0
CALL_TIMEOUT_S = 30.0
SURE_AFTER_S = 2.0
# Of these the server's own words say nothing: it may have been told to end.
UNEXPLAINED = frozenset({FailureKind.OTHER, FailureKind.CRASHED})


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
            image = _pinned(client, container) or ensure_image(
                client,
                container.pinned_image or container.image,
                timeout_s=float(value_of("DOCKER_PULL_TIMEOUT_S")),
                on_progress=on_progress,
                check=check,
            )
        except (DockerException, RequestException) as error:
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
        self._client = _connected(lambda: None)
        self._container: Container | None = None
        self._log: ContainerLog | None = None
        self._state: ContainerState | None = None
        self._usage: ContainerUsage | None = None
        self._shared_memory = SharedMemory(shared=launch.container.ipc == "host")
        self._host_oom_kills = host_oom_kills()
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
            self._shared_memory.begin()
            self._log = ContainerLog(self._container, launch)
            self._state = ContainerState(self._client, self._id, self._log)
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
        if self._log is None:
            return None
        if self._state is not None and self._state.log_broke_off:
            return "the Docker engine broke it off while the server ran on"
        return self._log.capture.incomplete

    @property
    def left_behind(self) -> str | None:
        return self._shared_memory.left_behind

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        return self._log.capture.tail(lines) if self._log else ""

    def alive(self) -> bool:
        state, _ = self._running()
        state.look()
        return state.is_running

    def _running(self) -> tuple[ContainerState, ContainerLog]:
        assert self._state is not None  # noqa: S101  the constructor started it
        assert self._log is not None  # noqa: S101
        return self._state, self._log

    def check_alive(self) -> None:
        if self.alive():
            return
        state, log = self._running()
        log.drain()
        log.capture.wait_drained(1.0)
        code = state.exit_code
        failure = explain_exit(
            # As subprocess has it, negative for a signal. The kernel ends a worker of the server,
            # and the server then ends in its own way: what the kernel did is the cause.
            -signal.SIGKILL if state.out_of_memory else 128 - code if code > 128 else code,
            log.capture.text(),
            killed_for_memory=state.out_of_memory or host_oom_kills() > self._host_oom_kills,
            on_gpus=bool(self._launch.gpu_ids),
        )
        if failure.kind in UNEXPLAINED and (state.was_unreachable or state.engine_goes_down()):
            kind = FailureKind.DOCKER_RESTARTED
            raise EngineError(
                kind,
                f"The Docker engine was restarted and ended the container. {remedy_for(kind)}",
                log_tail=self.log_tail(),
            )
        message = failure.message
        if state.out_of_memory and self._description.memory_bytes:
            limit_gib = self._description.memory_bytes / GIBIBYTE
            message += f" Its limit was {limit_gib:g} GiB (container.memory_gib)."
        raise EngineError(failure.kind, message, log_tail=self.log_tail())

    def confirm_alive(self, check: Callable[[], None]) -> None:
        # An engine that goes down calls a container running for a moment after it has ended it.
        sure_at_s = time.monotonic() + SURE_AFTER_S
        state, _ = self._running()
        while True:
            state.look_anew()
            self.check_alive()
            if state.unreachable_since_s is None and time.monotonic() > sure_at_s:
                return
            check()
            time.sleep(LOOK_EVERY_S)

    def wait_ready(self, timeout_s: float, check: Callable[[], None]) -> float:
        readiness.wait_until_ready(self, self._launch, timeout_s, check)
        return time.monotonic() - self._started_at_s

    def usage(self) -> Mapping[str, float]:
        return self._usage() if self._usage is not None else {}

    def container_cpu_s(self) -> float | None:
        return self._usage.cpu_s() if self._usage is not None else None

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

    def stop(self, *, grace_s: float | None = None, wait_for_docker: bool = True) -> None:
        if self._stopped:
            return
        self._stopped = True
        grace_s = self._launch.stop_grace_s if grace_s is None else grace_s
        try:
            if self._container is not None:
                self._remove(self._container, grace_s, wait_for_docker=wait_for_docker)
                self._shared_memory.end()
        finally:
            if self._log is not None:
                self._log.close()
            self._client.close()

    def _remove(self, container: Container, grace_s: float, *, wait_for_docker: bool) -> None:
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
                client = wait_for_client(OUTAGE_LIMIT_S if wait_for_docker else 0, lambda: None)
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
        try:
            self.stop(grace_s=0 if hurried else None, wait_for_docker=not hurried)
        except EngineError as fault:
            if error is None:
                raise
            logger.warning("%s", fault.message)  # why we leave matters more


def _pinned(client: docker.DockerClient, container: ContainerDescription) -> Image | None:
    """The image that the run began with, if it began with one: no other is measured beside it.

    None where a registry can be asked for it.
    """
    pinned = container.pinned_image
    if not pinned:
        return None
    found = find_image(client, pinned)
    if found is None and "@" not in pinned:
        raise EngineError(
            FailureKind.IMAGE_MISSING,
            f"The image that this run began with ({pinned}) was removed from this host. Restart"
            " the task, so that all its experiments have the same one.",
        )
    return found


def _connected(check: Callable[[], None]) -> docker.DockerClient:
    try:
        return wait_for_client(WAIT_FOR_DOCKER_S, check, CALL_TIMEOUT_S)
    except DockerUnreachable as error:
        raise EngineError(FailureKind.DOCKER_UNREACHABLE, f"{error}.") from error


def _engine_error(error: Exception) -> EngineError:
    if is_unreachable(error):
        return EngineError(FailureKind.DOCKER_UNREACHABLE, f"The Docker engine went away: {error}.")
    return refusals.explain(str(getattr(error, "explanation", None) or error))
