"""The lines of JSON between the driver and this process."""

import _thread
import contextlib
import json
import os
import signal
import sys
import time
from typing import Any


class Channel:
    """Reads standard input in a thread of the operating system's, which starts before gevent
    patches this process: the end of the input is seen even while the event loop is stuck."""

    def __init__(self, events_fd: int) -> None:
        self._events_fd = events_fd
        self._lines: list[str] = []
        os.set_blocking(events_fd, False)
        _thread.start_new_thread(self._read, ())

    def _read(self) -> None:
        pending = b""
        while data := os.read(0, 65536):
            *lines, pending = (pending + data).split(b"\n")
            self._lines += [line.decode() for line in lines]
        self._end_group()

    @staticmethod
    def _end_group() -> None:
        """The driver is gone: nobody wants the results, and nobody else will stop the load."""
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    def next_line(self) -> str:
        """Waits for the next line of the driver's; other greenlets run on meanwhile."""
        while not self._lines:
            time.sleep(0.01)
        return self._lines.pop(0)

    def emit(self, event: str, *, may_drop: bool = False, **fields: Any) -> None:
        """Sends an event. When the driver does not keep up, `may_drop` gives it up instead of
        waiting: progress must not slow the load down."""
        data = json.dumps({"event": event, "at": time.monotonic(), **fields}).encode() + b"\n"
        while data:
            try:
                data = data[os.write(self._events_fd, data) :]
            except BlockingIOError:
                if may_drop:
                    return
                time.sleep(0.01)
            except OSError:  # the driver closed its end; its closing of our input ends us
                return
            may_drop = False  # half a line would spoil the next one

    def leave(self, code: int) -> None:
        """Ends the process at once: an orderly end of the interpreter takes half a second."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
