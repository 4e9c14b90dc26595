"""What the runner needs of an engine: start a server, know when it is ready, stop it.

An engine is a way to run a server's command (as a child here, in a container elsewhere). What the
server *is* stands in a runtime file and reaches an engine as a finished `Launch`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from experiments_app.containers.description import ContainerDescription
from experiments_app.containers.progress import PullProgress
from experiments_app.engine_error import EngineError, FailureKind

__all__ = ["Engine", "EngineError", "FailureKind", "Launch", "RunningServer"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Launch:
    """Everything an engine needs to start one server."""

    command: Sequence[str]
    host: str
    port: int
    health_path: str
    served_model_name: str
    log_path: Path
    marker: str  # value of AUTOTUNER_EXPERIMENT, see processes.py
    environment: Mapping[str, str] = field(default_factory=dict)  # the runtime's, then the task's
    container: ContainerDescription | None = None  # for an engine that starts containers
    gpu_ids: tuple[str, ...] = ()  # UUIDs
    labels: Mapping[str, str] = field(default_factory=dict)  # a container's
    ready_interval_s: float = 0.03  # between two looks at the health path
    cwd: Path | None = None  # None: the project's root
    secrets: tuple[str, ...] = ()  # masked in the log
    log_limit_bytes: int = 16 * MEBIBYTE
    stop_grace_s: float = 10.0

    @property
    def base_url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class RunningServer(Protocol):
    """A started server. As a context manager it is stopped on the way out, whatever happened."""

    def wait_ready(self, timeout_s: float, check: Callable[[], None]) -> float:
        """Wait for health and one streamed completion; the seconds since the start.

        `check` is called a few times a second and raises to give up (cancel, lost lease).
        Raises `EngineError`: the cause when it ended, PORT_TAKEN when another process answers on
        the port, TIME_OUT when `timeout_s` have passed.
        """
        ...

    def alive(self) -> bool: ...

    def check_alive(self) -> None:
        """Raises `EngineError` with the cause when the server has ended by itself."""
        ...

    def confirm_alive(self, check: Callable[[], None]) -> None:
        """The same after a fault that a dead server would explain: asks until it knows.

        `check` raises to give up.
        """
        ...

    def log_tail(self, lines: int = 20) -> str: ...

    def usage(self) -> Mapping[str, float]:
        """`cpu_cores` in use since the last call and `memory_bytes` now; empty when not known."""
        ...

    def container_cpu_s(self) -> float | None:
        """Processor time so far of what runs beside our process tree, in a container; 0 where
        nothing does, None while it is not known."""
        ...

    def facts(self) -> Mapping[str, str]:
        """Columns of the experiment that are known once it runs: `container_id`, …"""
        ...

    def granted_environment(self) -> Mapping[str, str]:
        """The environment that a container really got; empty for a process of this host."""
        ...

    @property
    def log_incomplete(self) -> str | None:
        """Why the log file lacks something (disk full, over its limit), or None."""
        ...

    @property
    def left_behind(self) -> str | None:
        """A sentence on what the stopped server left on this host, or None."""
        ...

    def stop(self) -> None:
        """End it and all it started; safe to call again.

        Raises `EngineError` when something survives SIGKILL, naming the pids.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Engine(Protocol):
    """A way to run servers."""

    name: str

    def prepare(
        self,
        launch: Launch,
        *,
        on_progress: Callable[[PullProgress], None],
        check: Callable[[], None],
    ) -> Launch:
        """What takes time that is not the experiment's own: fetch the image of a container.

        Returns the launch of exactly what was found. `check` raises to give up. Raises
        `EngineError`.
        """
        ...

    def start(self, launch: Launch) -> RunningServer:
        """Start the command and return at once. Raises `EngineError` when it cannot start.

        The calling thread must outlive the server: some servers ask the kernel to end them with
        the thread that started them (`parent_death.py`).
        """
        ...
