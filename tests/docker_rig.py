"""A real Docker engine for tests: a dockerd of their own, never the machine's.

It has its own data, socket and mounts, no bridge and no firewall rules, so that it can run beside
another engine and leaves nothing behind. A do-nothing NVIDIA hook on its PATH makes it take and
check GPU requests as an engine with the real hook does; what lies behind the hook is not there.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import psutil
import pytest
from docker.errors import DockerException
from requests import RequestException

START_WITHIN_S = 60
STOP_WITHIN_S = 30
PROGRAMS = ("dockerd", "docker", "busybox", "unshare", "nsenter", "setpriv", "ip")
# Of whoever runs the tests: they would lead to another engine, or out of this machine.
FOREIGN_VARIABLES = frozenset(
    {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}
)


def why_no_engine() -> str:
    """What keeps a Docker engine from running here; "" when nothing does."""
    if sys.platform != "linux":
        return "a Docker engine of the tests' own needs Linux"
    if os.geteuid() != 0:
        return "a Docker engine of the tests' own needs root"
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        return (
            f"no {', '.join(missing)} for a Docker engine of the tests' own:"
            " apt-get install -y --no-install-recommends docker.io busybox-static iproute2"
        )
    return ""


class PrivateDockerd:
    """An engine in a folder and a mount namespace of its own: its mounts end with it.

    `bridge`: in a network namespace of its own too, with Docker's default bridge, for published
    ports. What is to reach those starts with `inside`.
    """

    def __init__(self, *, bridge: bool = False) -> None:
        # Not in pytest's folder: a socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="dockerd-"))
        self.host = f"unix://{self.folder}/docker.sock"
        self.log_path = self.folder / "dockerd.log"
        self._bridge = bridge
        self._process: subprocess.Popen[bytes] | None = None
        hook = self.folder / "programs" / "nvidia-container-runtime-hook"
        hook.parent.mkdir()
        hook.write_text("#!/bin/sh\nexit 0\n")
        hook.chmod(0o755)
        (self.folder / "daemon.json").write_text("{}")  # else the machine's own would count
        kept = {name: v for name, v in os.environ.items() if name not in FOREIGN_VARIABLES}
        self._environment = kept | {"PATH": f"{hook.parent}:{os.environ['PATH']}"}

    def start(self) -> None:
        """Returns when it answers."""
        # It stops with whoever started it, and its containers with it, even on SIGKILL.
        command = ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "slave"]
        if self._bridge:
            command += ["--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "dockerd", *self._options()],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_WITHIN_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = self.log_path.read_text(errors="replace")[-2000:]
                self.close()
                raise RuntimeError(f"dockerd did not start:\n{log_text}")
            time.sleep(0.05)

    def _options(self) -> list[str]:
        folder = self.folder
        options = [
            *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"),
            *("--pidfile", f"{folder}/docker.pid", "--host", self.host),
            *("--config-file", f"{folder}/daemon.json"),
            *("--shutdown-timeout", "5", "--max-download-attempts", "1"),
            *("--iptables=false", "--ip6tables=false", "--ip-forward=false"),
        ]
        return [*options, "--ip=127.0.0.1" if self._bridge else "--bridge=none"]

    def answers(self) -> bool:
        try:
            with self.client(timeout_s=2) as client:
                return bool(client.ping())
        except (DockerException, RequestException, OSError):
            return False

    def stop(self) -> None:
        """As a service manager stops it: it ends its containers first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """At once. Its containers go too, which those of a crashed engine may not."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        left = self._left_processes()
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=10)  # they write until then
        # The next one would wait for a containerd of which only the number, or a zombie, is left.
        for name in ("docker.pid", "exec/containerd/containerd.pid"):
            (self.folder / name).unlink(missing_ok=True)

    def _left_processes(self) -> list[psutil.Process]:
        """containerd, its shims and what runs under them."""
        own = str(self.folder)
        left = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(own in word for word in process.cmdline()[:20]):
                    left += [*process.children(recursive=True), process]
        return [process for process in left if process.pid != os.getpid()]

    def close(self) -> None:
        """Stop it and remove all it had."""
        if self._process is not None:
            with suppress(DockerException, RequestException, OSError):
                self.clear()
            self.stop()
        shutil.rmtree(self.folder)

    @contextmanager
    def client(self, timeout_s: float = 30) -> Iterator[docker.DockerClient]:
        client = docker.DockerClient(base_url=self.host, timeout=round(timeout_s))
        try:
            yield client
        finally:
            client.close()

    def clear(self) -> None:
        """Remove every container and volume."""
        with self.client() as client:
            for container in client.containers.list(all=True, ignore_removed=True):
                with suppress(docker.errors.NotFound):
                    container.remove(v=True, force=True)
            client.volumes.prune()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def inside(self) -> list[str]:
        """What a command begins with to run in the engine's network, where that is not ours."""
        return ["nsenter", "--target", str(self.pid), "--net"] if self._bridge else []


def _running(*, bridge: bool) -> Iterator[PrivateDockerd]:
    if reason := why_no_engine():
        pytest.skip(reason)
    engine = PrivateDockerd(bridge=bridge)
    engine.start()
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def session_dockerd() -> Iterator[PrivateDockerd]:
    """One for each test process, so that a test may restart it without asking others."""
    yield from _running(bridge=False)


@pytest.fixture(scope="session")
def session_bridged_dockerd() -> Iterator[PrivateDockerd]:
    yield from _running(bridge=True)


@pytest.fixture
def dockerd(
    session_dockerd: PrivateDockerd, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrivateDockerd]:
    """A running engine without containers, the one that DOCKER_HOST names during the test."""
    yield from _for_a_test(session_dockerd, monkeypatch)


@pytest.fixture
def bridged_dockerd(
    session_bridged_dockerd: PrivateDockerd, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrivateDockerd]:
    """The same with a bridge; what talks to its containers must run `inside` its network."""
    yield from _for_a_test(session_bridged_dockerd, monkeypatch)


def _for_a_test(
    engine: PrivateDockerd, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrivateDockerd]:
    if not engine.answers():  # a test before this one stopped it
        engine.stop()
        engine.start()
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    yield engine
    if engine.answers():
        engine.clear()
