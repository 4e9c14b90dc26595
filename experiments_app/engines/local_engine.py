"""A server as a child of this process, in a process group of its own."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from experiments_app.containers.progress import PullProgress
from experiments_app.engines import readiness
from experiments_app.engines.base import EngineError, FailureKind, Launch
from experiments_app.engines.failure import SENTENCES, explain_exit, remedy_for
from experiments_app.engines.kernel_memory import oom_kills
from experiments_app.engines.log_capture import LogCapture
from experiments_app.processes import (
    MARKER_VARIABLE,
    ProcessIdentity,
    experiment_processes,
    stop_group,
    stop_processes,
)
from experiments_app.usage import ProcessUsage

logger = logging.getLogger(__name__)

PROJECT_ROOT = Path(__file__).resolve().parents[2]
TAIL_LINES = 20

# What a server may see of our environment: what programs need to run and to find their devices,
# and none of our secrets. The runtime's and the task's own variables are added to it.
INHERITED_NAMES = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"),
        *("XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        *("LD_PRELOAD", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    }
)
INHERITED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "ROCM_", "OMP_", "GOMP_", "KMP_")


class LocalEngine:
    name = "local"

    def prepare(
        self,
        launch: Launch,
        *,
        on_progress: Callable[[PullProgress], None],
        check: Callable[[], None],
    ) -> Launch:
        return launch  # everything is on this machine

    def start(self, launch: Launch) -> "LocalServer":
        if readiness.port_is_taken(launch.host, launch.port):
            raise EngineError(
                FailureKind.PORT_TAKEN,
                f"Port {launch.port} on {launch.host} is taken by another process."
                f" {remedy_for(FailureKind.PORT_TAKEN)}",
            )
        return LocalServer(launch)


class LocalServer:
    """A `RunningServer`; see there for what its methods promise."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._oom_kills = oom_kills()
        self._started_at_s = time.monotonic()
        self._process, output_fd = _spawn(launch)
        self._log = LogCapture(output_fd, launch.log_path, launch.log_limit_bytes, launch.secrets)
        self._stopped = False
        # The marker's net is left out: looking at everybody's environment costs too much for this.
        self._usage = ProcessUsage(partial(experiment_processes, self._process.pid))
        try:
            self.identity = ProcessIdentity.of(self._process.pid)
        except ProcessLookupError:  # ended and was reaped already: wait_ready tells why
            self.identity = ProcessIdentity(self._process.pid, time.time())

    @property
    def log_incomplete(self) -> str | None:
        return self._log.incomplete

    @property
    def left_behind(self) -> str | None:
        return None

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        return self._log.tail(lines)

    def alive(self) -> bool:
        return self._process.poll() is None

    def check_alive(self) -> None:
        exit_code = self._process.poll()
        if exit_code is None:
            return
        self._log.wait_drained(1.0)
        failure = explain_exit(
            exit_code,
            self._log.text(),
            killed_for_memory=oom_kills() > self._oom_kills,
            on_gpus=bool(self._launch.gpu_ids),
        )
        raise EngineError(failure.kind, failure.message, log_tail=self.log_tail())

    def confirm_alive(self, check: Callable[[], None]) -> None:
        self.check_alive()

    def wait_ready(self, timeout_s: float, check: Callable[[], None]) -> float:
        readiness.wait_until_ready(self, self._launch, timeout_s, check)
        return time.monotonic() - self._started_at_s

    def usage(self) -> Mapping[str, float]:
        return self._usage()

    def container_cpu_s(self) -> float | None:
        return 0.0

    def facts(self) -> Mapping[str, str]:
        return {}

    def granted_environment(self) -> Mapping[str, str]:
        return {}

    def stop(self) -> None:
        if self._stopped:
            return
        launch = self._launch
        pgid = self._process.pid
        strays = experiment_processes(pgid, launch.marker)
        survivors = stop_group(pgid, launch.stop_grace_s)
        # What left the group: seen before the stop, or still carrying the marker.
        strays += experiment_processes(pgid, launch.marker)
        survivors += stop_processes(dict.fromkeys(strays), grace_s=0.0)
        if survivors:
            pids = ", ".join(str(pid) for pid in sorted({found.pid for found in survivors}))
            raise EngineError(
                FailureKind.OTHER, f"The server could not be ended: processes {pids} survive."
            )
        self._process.wait()
        self._log.close()
        self._stopped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except EngineError as fault:
            if error is None:
                raise
            logger.warning("%s", fault.message)  # why we leave matters more

    def check_port_is_ours(self) -> None:
        """Raises EngineError when the server that answers is not the one that was started."""
        port = self._launch.port
        if _listens(experiment_processes(self._process.pid, self._launch.marker), port):
            return
        self.check_alive()
        raise EngineError(
            FailureKind.PORT_TAKEN,
            f"Another process answers on port {port} of {self._launch.host}, not the server that"
            f" was started. {remedy_for(FailureKind.PORT_TAKEN)}",
            log_tail=self.log_tail(),
        )


def server_environment(launch: Launch, own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The server's whole environment."""
    environment = {
        name: value
        for name, value in own.items()
        if name in INHERITED_NAMES or name.startswith(INHERITED_PREFIXES)
    }
    # `python` in a runtime's command is the Python that runs us, whatever the shell's PATH says.
    folders = [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
    environment["PATH"] = os.pathsep.join(folders)
    environment["PYTHONUNBUFFERED"] = "1"  # a log that lags hides the cause of a crash
    environment.update(launch.environment)
    environment[MARKER_VARIABLE] = launch.marker
    return environment


def _spawn(launch: Launch) -> tuple[subprocess.Popen[bytes], int]:
    """The process and the descriptor that its output (both streams) is read from."""
    environment = server_environment(launch)
    read_fd, write_fd = os.pipe()
    try:
        process = subprocess.Popen(
            list(launch.command),
            stdin=subprocess.DEVNULL,
            stdout=write_fd,
            stderr=subprocess.STDOUT,
            cwd=launch.cwd or PROJECT_ROOT,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        os.close(read_fd)
        raise _cannot_start(launch, error) from error
    finally:
        os.close(write_fd)
    return process, read_fd


def _cannot_start(launch: Launch, error: OSError) -> EngineError:
    program = launch.command[0]
    if isinstance(error, FileNotFoundError) and launch.cwd and not launch.cwd.is_dir():
        return EngineError(FailureKind.OTHER, f"The working folder {launch.cwd} does not exist.")
    if isinstance(error, FileNotFoundError | PermissionError):
        return EngineError(
            FailureKind.COMMAND_NOT_FOUND,
            f"{SENTENCES[FailureKind.COMMAND_NOT_FOUND]}: {program}: {error.strerror}."
            " Install it, or give its full path in the runtime's command.",
        )
    return EngineError(FailureKind.OTHER, f"{program} could not be started: {error.strerror}.")


def _listens(processes: list[ProcessIdentity], port: int) -> bool:
    """Whether one of the processes has a listening TCP socket on the port."""
    for identity in processes:
        try:
            connections = psutil.Process(identity.pid).net_connections(kind="tcp")
        except psutil.Error:
            continue
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                return True
    return False
