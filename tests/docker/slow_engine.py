"""A Docker engine that takes its time to remove something, for tests' images are small: a relay
before the real one, which passes a DELETE on when it is told to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer

LIMIT_S = 20


@contextmanager
def slow_to_remove(real_path: str, path: Path) -> Iterator[threading.Event]:
    """Listens at `path` before the engine at `real_path`; the event lets removals begin."""
    begin = threading.Event()

    class Relay(StreamRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as real:
                real.connect(real_path)
                back = threading.Thread(target=copy, args=(real, self.request), daemon=True)
                back.start()
                copy(self.request, real)
                back.join()

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65536):
                if part.startswith(b"DELETE "):
                    begin.wait(LIMIT_S)
                target.sendall(part)
            target.shutdown(socket.SHUT_WR)

    server = ThreadingUnixStreamServer(str(path), Relay)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield begin
    finally:
        begin.set()
        server.shutdown()
        server.server_close()
        path.unlink()
