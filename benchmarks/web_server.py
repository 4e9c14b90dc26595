"""The site's web server alone, on the data folder that the environment names."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
START_S = 120


@contextmanager
def web_server(log: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Its address and its process, once it answers; what it says is added to `log`."""
    site = f"http://127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "gunicorn", "autotuner_site.wsgi"),
        *("-c", "python:experiments_app.gunicorn_config", "--bind", site.removeprefix("http://")),
    ]
    with log.open("ab") as output:
        server = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        _wait(site, server, log)
        yield site, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)


def cpu_s(server: psutil.Process) -> float:
    """Processor time that the server and its workers have taken."""
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def _wait(site: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(log.read_text()[-2000:])
        try:
            httpx.get(f"{site}/sign-in/", timeout=10)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the site did not start within {START_S} s; {log} has what it said")
