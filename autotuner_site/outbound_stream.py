"""Connections to addresses that were checked, and that end at their time whatever is sent."""

import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

TICK_S = 0.5


class Deadline:
    """`tick` is called about every half second while the other side is waited for; what it raises
    ends the wait."""

    def __init__(self, within_s: float, tick: Callable[[], None] | None = None) -> None:
        self._at = time.monotonic() + within_s
        self.tick = tick

    def left_s(self, timeout_s: float | None = None) -> float:
        """Raises httpcore's ReadTimeout when nothing is left."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole request is spent")
        return left if timeout_s is None else min(left, timeout_s)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the addresses given, whatever the name stands for by now; without any, to the
    host asked for: a proxy."""

    def __init__(self, addresses: Sequence[str], deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        limit = Deadline(self._deadline.left_s(timeout))
        addresses = self._addresses or (host,)
        for nth, address in enumerate(addresses, 1):
            try:
                stream = self._real.connect_tcp(
                    address, port, limit.left_s(), local_address, socket_options
                )
            except (httpcore.NetworkError, httpcore.TimeoutException):
                if nth == len(addresses):
                    raise
            else:
                return _Stream(stream, self._deadline)
        raise AssertionError  # there is always one


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        limit = Deadline(self._deadline.left_s(timeout))
        self._wait(limit)
        return self._stream.read(max_bytes, limit.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), 64 * 1024):
            part = bytes(view[start : start + 64 * 1024])
            self._stream.write(part, self._deadline.left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        limit_s = self._deadline.left_s(timeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, limit_s)
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _wait(self, limit: Deadline) -> None:
        """Until there is something to read, with a tick now and then."""
        tick = self._deadline.tick
        if tick is None:
            return
        tick()
        tls = self._stream.get_extra_info("ssl_object")
        if tls is not None and (not isinstance(tls, ssl.SSLSocket) or tls.pending()):
            return  # TLS inside TLS keeps bytes where no socket tells of them
        sock: socket.socket = self._stream.get_extra_info("socket")
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            while not selector.select(limit.left_s(TICK_S)):
                tick()
