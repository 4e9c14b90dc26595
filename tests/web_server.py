"""A real server for requests that go out: each path is a way in which one answers, or does not."""

import contextlib
import gzip
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.served import QuietHandler, served

Way = Callable[[BaseHTTPRequestHandler, "Web"], None]


@dataclass
class Web:
    """`files`: path -> content. `ways`: path -> what is done instead. `asked`: what came, in
    order; `headers`: of the last request."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: threading.Event = field(default_factory=threading.Event)
    scheme: str = "http"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@contextlib.contextmanager
def web_server(certificate: Path | None = None) -> Iterator[Web]:
    """`certificate`: a file of a key and its certificate, to speak TLS."""
    web = Web(scheme="https" if certificate else "http")
    handler = type("Handler", (_Handler,), {"web": web})
    with served(handler, certificate=certificate) as web.port:
        try:
            yield web
        finally:
            web.ended.set()


class _Handler(QuietHandler):
    web: Web

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.web.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self) -> None:
        self.close_connection = True
        self.web.asked.append(f"{self.command} {self.path}")
        self.web.headers = {name.lower(): value for name, value in self.headers.items()}
        way = self.web.ways.get(self.path)
        if way:
            way(self, self.web)
        elif self.path in self.web.files:
            content = self.web.files[self.path]
            send(self, 200, {"Content-Length": str(len(content))}, content)
        else:
            send(self, 404, {"Content-Length": "0"})


def send(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b""
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)


def redirect(to: str, status: int = 302) -> Way:
    return lambda handler, web: send(handler, status, {"Location": to, "Content-Length": "0"})


def endless(handler: BaseHTTPRequestHandler, web: Web) -> None:
    """A stream that ends only with its reader."""
    send(handler, 200, {})
    line = b'{"prompt": "a line of a stream that does not end"}\n' * 1_000
    with contextlib.suppress(OSError):
        while not web.ended.is_set():
            handler.wfile.write(line)


def dripping(handler: BaseHTTPRequestHandler, web: Web) -> None:
    """A byte now and then: no wait for the next one is long."""
    send(handler, 200, {})
    with contextlib.suppress(OSError):
        while not web.ended.wait(0.02):
            handler.wfile.write(b"x")


def silent(handler: BaseHTTPRequestHandler, web: Web) -> None:
    web.ended.wait(60)


def packed(size: int) -> Way:
    """Zeros, packed a thousandfold, though nobody asked for packing."""
    body = gzip.compress(b"\0" * size)
    told = {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
    return lambda handler, web: send(handler, 200, told, body)
