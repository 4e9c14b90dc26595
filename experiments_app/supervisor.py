"""The site and its consumer as two children of one parent.

A child that dies is started again, its process group ended first: what it left behind (the
workers of a killed consumer, say) must not go on beside its successor.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Self

from experiments_app.parent_death import die_with_parent
from experiments_app.processes import stop_group
from experiments_app.services import CannotServe

logger = logging.getLogger(__name__)

# Stands in a child's environment: it must end when this parent does.
SUPERVISED = "AUTOTUNER_SUPERVISED"
PROJECT_ROOT = Path(__file__).resolve().parents[1]
STOP_GRACE_S = 20.0
POLL_S = 0.2
RESTART_DELAYS_S = (0.5, 1.0, 2.0, 5.0, 15.0)
STEADY_AFTER_S = 60.0


@dataclass
class Child:
    """A supervised process in a session of its own."""

    name: str
    command: list[str]
    log_path: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restarts: int = 0
    start_not_before: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        with ExitStack() as stack:
            log = stack.enter_context(self.log_path.open("ab")) if self.log_path else None
            self.process = subprocess.Popen(
                self.command,
                cwd=PROJECT_ROOT,
                env={**os.environ, SUPERVISED: "1", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def watch(self) -> None:
        """Start it again if it died, later and later while it keeps dying at once."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_not_before:
                self.start()
            return
        exit_code = self.process.poll()
        if exit_code is None:
            return
        stop_group(self.process.pid, grace_s=0)
        self.restarts = 1 if now - self.started_at > STEADY_AFTER_S else self.restarts + 1
        delay_s = RESTART_DELAYS_S[min(self.restarts, len(RESTART_DELAYS_S)) - 1]
        logger.error(
            "%s ended with exit code %d; starting it again in %g s", self.name, exit_code, delay_s
        )
        self.process = None
        self.start_not_before = now + delay_s

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait_stopped(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            logger.warning("%s did not stop within %g s: killing it", self.name, STOP_GRACE_S)
        stop_group(self.process.pid, grace_s=0)
        self.process.wait()


class Supervisor:
    """Runs the site on `host:port` together with its consumer, as a context manager.

    With `log_path` the children write there and not to this terminal.
    """

    def __init__(self, host: str, port: int, *, log_path: Path | None = None) -> None:
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
        self._host = host
        self._port = port
        self._stop = threading.Event()
        self._children = [
            Child(
                "the site",
                [
                    *(sys.executable, "-m", "gunicorn", "autotuner_site.wsgi"),
                    *("-c", "python:experiments_app.gunicorn_config", "-b", f"{host}:{port}"),
                ],
                log_path,
            ),
            Child(
                "the consumer",
                [sys.executable, str(PROJECT_ROOT / "manage.py"), "run_consumer"],
                log_path,
            ),
        ]

    def __enter__(self) -> Self:
        self._check_port()
        for child in self._children:
            child.start()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_GRACE_S
        for child in self._children:
            child.wait_stopped(deadline)

    def watch(self) -> None:
        """One look after the children."""
        for child in self._children:
            child.watch()

    def run(self) -> None:
        """Look after them until `stop()`."""
        while not self._stop.wait(POLL_S):
            self.watch()

    def stop(self) -> None:
        self._stop.set()

    def wait_answering(self, timeout_s: float = 30.0) -> None:
        """Until the site accepts connections. Raises CannotServe."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.watch()
            try:
                with socket.create_connection((self._reachable_host(), self._port), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise CannotServe(f"the site did not answer on {self.url} within {timeout_s:g} s")

    def _reachable_host(self) -> str:
        return "127.0.0.1" if self._host == "0.0.0.0" else self._host  # noqa: S104

    def _check_port(self) -> None:
        try:
            with socket.create_server((self._host, self._port)):
                return
        except OSError as error:
            raise CannotServe(
                f"cannot listen on {self._host}:{self._port}: {error.strerror};"
                " is the site running already? Choose another port"
            ) from error


def end_with_supervisor() -> None:
    """In a child: die when the parent does, so that a killed `serve` leaves nothing running."""
    if os.environ.get(SUPERVISED):
        die_with_parent()


def stop_on_signals(supervisor: Supervisor) -> None:
    """Ctrl-C and SIGTERM stop the site in order."""

    def handle(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        supervisor.stop()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
