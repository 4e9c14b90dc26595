"""A container's output, followed from its first line on."""

import os
import threading
from contextlib import suppress
from typing import Any

from docker.models.containers import Container

from experiments_app.engines.base import Launch
from experiments_app.engines.log_capture import LogCapture

CLOSE_S = 3.0


class ContainerLog:
    """Attached before the container starts: whole, whatever Docker itself keeps of it."""

    def __init__(self, container: Container, launch: Launch) -> None:
        read_fd, write_fd = os.pipe()
        self.capture = LogCapture(read_fd, launch.log_path, launch.log_limit_bytes, launch.secrets)
        try:
            self._stream = container.attach(stream=True, logs=True, stdout=True, stderr=True)
        except BaseException:
            os.close(write_fd)
            self.capture.close()
            raise
        self._thread = threading.Thread(
            target=_copy, args=(self._stream, write_fd), name="container-log", daemon=True
        )
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """The container ended, or the engine that told of it did."""
        return not self._thread.is_alive()

    def drain(self) -> None:
        """Take the last words of a container that has ended."""
        self._thread.join(CLOSE_S)

    def close(self) -> None:
        if self._thread.is_alive():
            with suppress(Exception):  # it breaks in many ways when the engine is gone
                self._stream.close()
            self._thread.join(CLOSE_S)
        self.capture.close()


def _copy(stream: Any, write_fd: int) -> None:
    """Feed the output to the log's pipe until either ends."""
    try:
        for chunk in stream:
            data = memoryview(chunk)
            while data:
                data = data[os.write(write_fd, data) :]
    except Exception:  # noqa: BLE001, S110  the stream breaks in many ways when the engine goes
        pass
    finally:
        os.close(write_fd)
