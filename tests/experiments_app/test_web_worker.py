"""Clients that never end their request, at a real gunicorn with two threads and a tiny site."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from experiments_app.web_worker import BoundedWorker
from tests.ports import free_port
from tests.waiting import wait_for

THREADS = 2
ROOT = Path(__file__).resolve().parents[2]
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"


class Impatient(BoundedWorker):
    head_s, idle_s = 0.5, 1.0


def tiny_site(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Reads the body, and is slow where that is asked for."""
    try:
        size = len(environ["wsgi.input"].read())
    except OSError:
        size = -1
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.6)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(size).encode()]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    chosen = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "tests.experiments_app.test_web_worker:tiny_site"),
        *("--worker-class", "tests.experiments_app.test_web_worker.Impatient"),
        *("--threads", str(THREADS), "--bind", f"127.0.0.1:{chosen}", "--no-control-socket"),
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as server:
        wait_for(lambda: is_there(chosen), timeout_s=60)
        yield chosen
        server.terminate()


def is_there(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=5).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("sent", [HEAD[:30], HEAD, HEAD + b"\r\n", HEAD + b"\r\nhalf"])
def test_requests_that_never_end_keep_nobody_out_for_long(port: int, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(2 * THREADS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(sent)
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=30).text == "0"


def test_a_head_that_drips_ends_at_its_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(0.1)
        begun = time.monotonic()
        while time.monotonic() < begun + 20:
            try:
                client.sendall(b"X")
                if client.recv(100) is not None:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() < begun + 10


def test_an_answer_may_take_longer_than_a_head_and_the_connection_goes_on(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        assert client.post("/slow", content=b"x" * 100_000).text == "100000"
        time.sleep(0.6)
        assert client.post("/", content=b"xyz").text == "3"
