"""A server's output: its file on disk, within a limit, and its last part in memory.

A server may write without end and a disk may be full; neither may stop the server (a full pipe
would) or hide why it failed. So a thread always drains the pipe, the file gets what fits, and the
last part stays in memory until the end, when it is put after the first one.
"""

import contextlib
import os
import re
import selectors
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tasks_app.masking import MASK

READ_BYTES = 64 * 1024
MEMORY_BYTES = 256 * 1024
CLOSE_WAIT_S = 2.0


class LogCapture:
    """Drains one file descriptor into a file. Owns and closes the descriptor.

    `secrets` are masked before anything is kept of them.
    """

    def __init__(
        self, source_fd: int, path: Path, limit_bytes: int, secrets: Sequence[str] = ()
    ) -> None:
        self._source_fd = source_fd
        self._secrets = _Secrets(secrets)
        self._path = path
        self._tail_limit_bytes = min(MEMORY_BYTES, max(limit_bytes // 2, 1))
        self._head_limit_bytes = max(limit_bytes - self._tail_limit_bytes, 0)
        self._lock = threading.Lock()
        self._head = bytearray()  # the first bytes: an early cause is told even without a file
        self._tail = bytearray()
        self._received_bytes = 0
        self._written_bytes = 0
        self._write_error: str | None = None
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._file_fd = self._open()
        self._thread = threading.Thread(target=self._pump, name="server-log", daemon=True)
        self._thread.start()

    def tail(self, lines: int) -> str:
        with self._lock:
            text = bytes(self._tail).decode("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def text(self) -> str:
        """What memory holds: the first part and the last one."""
        with self._lock:
            head, tail = bytes(self._head), bytes(self._tail)
            overlap = len(head) + len(tail) - self._received_bytes
        joined = head + tail[overlap:] if overlap >= 0 else head + b"\n" + tail
        return joined.decode("utf-8", errors="replace")

    @property
    def incomplete(self) -> str | None:
        """Why the file lacks something, or None."""
        if self._write_error is not None:
            return self._write_error
        cut_bytes = self._cut_bytes()
        return f"over its limit: {cut_bytes:,} bytes were left out" if cut_bytes else None

    def close(self) -> None:
        """Take what is still in the pipe, write the last part, close. Safe to call again.

        A stray grandchild may hold the pipe open, or fill it, for ever: `CLOSE_WAIT_S` at most.
        """
        self._deadline = min(self._deadline, time.monotonic() + CLOSE_WAIT_S)
        self._closing.set()
        self._thread.join(CLOSE_WAIT_S + 1)

    def wait_drained(self, timeout_s: float) -> None:
        """Wait until the pipe has ended, so that the last words of a dead server are here."""
        self._thread.join(timeout_s)

    def _open(self) -> int | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            self._write_error = f"the log file could not be opened: {error.strerror}"
            return None

    def _pump(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._source_fd, selectors.EVENT_READ)
                while time.monotonic() < self._deadline:
                    if selector.select(timeout=0.0 if self._closing.is_set() else 0.1):
                        chunk = os.read(self._source_fd, READ_BYTES)
                        if not chunk:
                            break
                        self._take(self._secrets.masked(chunk))
                    elif self._closing.is_set():
                        break
        finally:
            os.close(self._source_fd)
            self._take(self._secrets.rest())
            self._write_ending()
            if self._file_fd is not None:
                with contextlib.suppress(OSError):
                    os.close(self._file_fd)
                self._file_fd = None

    def _take(self, chunk: bytes) -> None:
        if not chunk:
            return
        with self._lock:
            self._received_bytes += len(chunk)
            if len(self._head) < MEMORY_BYTES:
                self._head += chunk[: MEMORY_BYTES - len(self._head)]
            self._tail += chunk
            if (surplus := len(self._tail) - self._tail_limit_bytes) > 0:
                del self._tail[:surplus]
        self._write(chunk[: self._head_limit_bytes - self._written_bytes])

    def _write_ending(self) -> None:
        missing_bytes = self._received_bytes - self._written_bytes
        if missing_bytes <= 0 or self._write_error is not None:
            return
        ending = bytes(self._tail)[-missing_bytes:]
        if cut_bytes := missing_bytes - len(ending):
            self._write(f"\n[… {cut_bytes:,} bytes left out …]\n".encode(), counted=False)
        self._write(ending)

    def _cut_bytes(self) -> int:
        return max(self._received_bytes - self._head_limit_bytes - self._tail_limit_bytes, 0)

    def _write(self, data: bytes, *, counted: bool = True) -> None:
        if self._file_fd is None or self._write_error is not None:
            return
        try:
            while data:
                written = os.write(self._file_fd, data)
                data = data[written:]
                if counted:
                    self._written_bytes += written
        except OSError as error:  # a full disk: the server and the run go on without the file
            self._write_error = f"the log file could not be written: {error.strerror}"


class _Secrets:
    """Masks in a stream of bytes, also what is cut in two between two reads."""

    def __init__(self, secrets: Sequence[str]) -> None:
        values = sorted((secret.encode() for secret in secrets if secret), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, values))) if values else None
        self._values = values
        self._held = b""

    def masked(self, chunk: bytes) -> bytes:
        if self._pattern is None:
            return chunk
        data = self._held + chunk
        cut = len(data) - self._begun(data)
        for match in self._pattern.finditer(data):
            if match.start() < cut < match.end():  # a whole one goes before what has only begun
                cut = match.end()
        self._held = data[cut:]
        return self._pattern.sub(MASK.encode(), data[:cut])

    def rest(self) -> bytes:
        rest, self._held = self._held, b""
        return self._pattern.sub(MASK.encode(), rest) if self._pattern else rest

    def _begun(self, data: bytes) -> int:
        """How many of the last bytes may be the beginning of a secret."""
        longest = 0
        for value in self._values:
            for length in range(min(len(value) - 1, len(data)), longest, -1):
                if data.endswith(value[:length]):
                    longest = length
                    break
        return longest
