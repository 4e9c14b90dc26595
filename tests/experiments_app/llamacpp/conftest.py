import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

READY_TIMEOUT_S = 30.0


@dataclass
class Served:
    """A llama.cpp server of ours that runs, and its log so far."""

    process: subprocess.Popen[bytes]
    url: str
    log_path: Path

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return urllib.request.urlopen(request, timeout=30)

    @property
    def log(self) -> str:
        return self.log_path.read_text()


Serve = Callable[..., Any]


@pytest.fixture
def serve(port: int, tmp_path: Path) -> Serve:
    @contextmanager
    def started(model: Path, *flags: str) -> Iterator[Served]:
        log_path = tmp_path / "server.log"
        command = [
            *(sys.executable, "-m", "experiments_app.llamacpp.server", "--model", str(model)),
            *("--port", str(port), *flags),
        ]
        with log_path.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        server = Served(process, f"http://127.0.0.1:{port}", log_path)
        try:
            deadline_s = time.monotonic() + READY_TIMEOUT_S
            while True:
                assert process.poll() is None, server.log
                assert time.monotonic() < deadline_s, server.log
                if f"serving {model.name} on {server.url}" in server.log:
                    break
                time.sleep(0.02)
            yield server
        finally:
            process.kill()
            process.wait()

    return started
