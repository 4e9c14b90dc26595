"""A lean stand-in for `requests.post`, below genai-bench's own timing.

`requests` spends some milliseconds on each new connection and a tenth of one on each token. That
is added to the first token's time and, with many streams at once, makes the client the bottleneck
long before the server. This one opens a connection a request, too, but does nothing else.
"""

import errno
import json as json_module
import os
import select
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import gevent.monkey
import gevent.socket
from requests import exceptions
from requests.utils import get_environ_proxies

CONNECT_TIMEOUT_S = 10.0
_RECEIVE_BYTES = 65536
_PlainSocket = gevent.monkey.get_original("socket", "socket")
_Poll = gevent.monkey.get_original("select", "poll")


class Response:
    """As much of `requests.Response` as genai-bench uses."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._buffer = b""
        head = self._read_head()
        status_line, *lines = head.decode("latin-1").split("\r\n")
        self.status_code = int(status_line.split(" ", 2)[1])
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }

    def _receive(self) -> bytes:
        try:
            data: bytes = self._connection.recv(_RECEIVE_BYTES)
        except OSError as error:
            raise exceptions.ConnectionError(f"reading the answer failed: {error}") from error
        return data

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            data = self._receive()
            if not data:
                raise exceptions.ConnectionError("the server closed the connection, no answer")
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked_body()
        return self._plain_body()

    def _plain_body(self) -> Iterator[bytes]:
        length = self.headers.get("content-length")
        left = int(length) if length is not None else None
        while left is None or left > 0:
            data = self._buffer or self._receive()
            self._buffer = b""
            if not data:
                if left is not None:
                    raise exceptions.ChunkedEncodingError("the answer ended too early")
                return
            if left is not None:
                left -= len(data)
            yield data

    def _chunked_body(self) -> Iterator[bytes]:
        buffer = self._buffer
        while True:
            ready: list[bytes] = []
            while (end := buffer.find(b"\r\n")) >= 0:
                size = int(buffer[:end].partition(b";")[0], 16)
                if size == 0:
                    yield b"".join(ready)
                    return
                if len(buffer) < end + size + 4:
                    break
                ready.append(buffer[end + 2 : end + 2 + size])
                buffer = buffer[end + size + 4 :]
            if ready:
                yield b"".join(ready)
            data = self._receive()
            if not data:
                raise exceptions.ChunkedEncodingError("the server broke the answer off")
            buffer += data

    def iter_lines(self, chunk_size: int | None = None) -> Iterator[bytes]:
        pending = b""
        for data in self._body():
            *lines, pending = (pending + data).split(b"\n")
            yield from lines
        if pending:
            yield pending

    @property
    def text(self) -> str:
        return b"".join(self._body()).decode(errors="replace")

    def close(self) -> None:
        self._connection.close()


class Poster:
    """Posts to one `http://host:port`."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port or 80
        self._host_header = parts.netloc
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._family: int = found[0]
        self._address: Any = found[4]

    def post(
        self,
        url: str,
        json: Mapping[str, Any],
        headers: Mapping[str, str],
        stream: bool,
    ) -> Response:
        body = json_module.dumps(json).encode()
        lines = [
            f"POST {urlsplit(url).path} HTTP/1.1",
            f"Host: {self._host_header}",
            "Accept: */*",
            "Connection: close",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        connection = self._connect()
        try:
            connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
            return Response(connection)
        except exceptions.RequestException:
            connection.close()
            raise
        except OSError as error:
            connection.close()
            raise exceptions.ConnectionError(f"sending the request failed: {error}") from error
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> Any:
        plain = _PlainSocket(self._family, socket.SOCK_STREAM)
        try:
            self._finish_connect(plain)
            return gevent.socket.socket(fileno=plain.detach())
        except OSError as error:
            raise exceptions.ConnectionError(f"connecting failed: {error}") from error
        finally:
            plain.close()

    def _finish_connect(self, plain: Any) -> None:
        """Connects without giving way to other requests when the answer is there at once, as on
        loopback: their work would be added to this request's time to first token."""
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = plain.connect_ex(self._address)
        if code == errno.EINPROGRESS:
            if not _is_writable(plain):
                gevent.socket.wait_write(plain.fileno(), timeout=CONNECT_TIMEOUT_S)
            code = plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))


def _is_writable(plain: Any) -> bool:
    poll = _Poll()
    poll.register(plain, select.POLLOUT)
    return bool(poll.poll(0))


def lean_post(base_url: str, fallback: Callable[..., Any]) -> Callable[..., Any]:
    """The `post` for a server: ours for plain HTTP without a proxy, else `fallback`."""
    if urlsplit(base_url).scheme != "http" or get_environ_proxies(base_url):
        return fallback
    return Poster(base_url).post
