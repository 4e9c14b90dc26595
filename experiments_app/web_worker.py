"""gunicorn's worker with threads, for clients that send a request a byte at a time or never end it.

It gives a thread to a request from its first byte on, and waits for the others without a limit: as
many connections as there are threads, which anybody can open, would keep everybody out.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    head_s = 10.0
    """For the request line and all headers."""
    idle_s = 30.0
    """Without a further byte of the body."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._due: dict[TConn, float] = {}

    def init_process(self) -> None:
        threading.Thread(target=self._end_what_is_due, daemon=True).start()
        super().init_process()

    def handle(self, conn: TConn) -> Any:
        self._due[conn] = time.monotonic() + self.head_s
        whole_s = int(self.idle_s)
        idle = struct.pack("ll", whole_s, int((self.idle_s - whole_s) * 1e6))
        try:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, idle)
            return super().handle(conn)
        finally:
            self._due.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        self._due.pop(conn, None)
        return super().handle_request(req, conn)

    def _end_what_is_due(self) -> None:
        """Whoever reads from such a connection finds its end."""
        while True:
            time.sleep(self.head_s / 10)
            now = time.monotonic()
            for conn, due in list(self._due.items()):
                if due < now:
                    with suppress(OSError):
                        conn.sock.shutdown(socket.SHUT_RD)
