"""What the runner needs of an engine: start a server, know when it is ready, stop it.

An engine is a way to run a server's command (as a child here, in a container elsewhere). What the
server *is* stands in a runtime file and reaches an engine as a finished `Launch`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from experiments_app.processes import ProcessIdentity

MEBIBYTE = 1024 * 1024


class FailureKind(StrEnum):
    """Why an engine failed, as far as its exit and its log tell."""

    OUT_OF_MEMORY = "out_of_memory"
    BAD_FLAG = "bad_flag"
    MODEL_NOT_FOUND = "model_not_found"
    MODEL_BROKEN = "model_broken"
    PORT_TAKEN = "port_taken"
    COMMAND_NOT_FOUND = "command_not_found"
    DISK_FULL = "disk_full"
    TIME_OUT = "time_out"
    CRASHED = "crashed"  # ended by a signal or an assertion, cause unknown
    OTHER = "other"


class EngineError(Exception):
    """A server that could not be started, did not get ready, or ended by itself.

    `message` is one or a few sentences for the user; `log_tail` holds the log's last lines.
    """

    def __init__(self, kind: FailureKind, message: str, *, log_tail: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.log_tail = log_tail

    def __str__(self) -> str:
        if not self.log_tail:
            return self.message
        return f"{self.message}\nLast lines of its log:\n{self.log_tail}"


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
    cwd: Path | None = None  # None: the project's root
    log_limit_bytes: int = 16 * MEBIBYTE
    stop_grace_s: float = 10.0

    @property
    def base_url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class RunningServer(Protocol):
    """A started server. As a context manager it is stopped on the way out, whatever happened."""

    identity: ProcessIdentity

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

    def log_tail(self, lines: int = 20) -> str: ...

    @property
    def log_incomplete(self) -> str | None:
        """Why the log file lacks something (disk full, over its limit), or None."""
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

    def start(self, launch: Launch) -> RunningServer:
        """Start the command and return at once. Raises `EngineError` when it cannot start.

        The calling thread must outlive the server: some servers ask the kernel to end them with
        the thread that started them (`parent_death.py`).
        """
        ...
