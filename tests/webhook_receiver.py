"""A program that webhooks are sent to, which answers as it is told to, well or badly."""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.served import QuietHandler, served


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def is_signed_with(self, secret: str) -> bool:
        """By what the guide gives its readers to check it with."""
        return bool(_of_the_guide()["is_ours"](secret, dict(self.headers), self.body))


@cache
def _of_the_guide() -> dict[str, Any]:
    guide = Path(__file__).resolve().parents[1] / "docs" / "guide" / "notifications.md"
    code = re.search(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    return names


@dataclass
class Receiver:
    """`answers`: the status of each answer to come, then 200 for ever; a path is a redirect."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    says: bytes = b"thank you"
    hangs: bool = False
    drips: bool = False
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/T0-very-secret-path"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, self.rfile.read(length)))
            self.close_connection = True
            if receiver.hangs:
                receiver.closing.wait(60)
            elif receiver.drips:
                self._drip()
            else:
                self._answer(receiver.answers.pop(0) if receiver.answers else 200)

        def _answer(self, answer: int | str) -> None:
            self.send_response(302 if isinstance(answer, str) else answer)
            if isinstance(answer, str):
                self.send_header("Location", answer)
            self.send_header("Content-Length", str(len(receiver.says)))
            self.end_headers()
            self.wfile.write(receiver.says)

        def _drip(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not receiver.closing.is_set():
                try:
                    self.wfile.write(b".")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.05)

    with served(Handler) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.closing.set()
