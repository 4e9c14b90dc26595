"""A thread that reads something again and again while an experiment is measured."""

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

MAX_WAIT_S = 2.0
"""A source that hangs is left behind after that."""


class SamplingThread(ABC):
    """Runs `_run` from `with` to its end, which sets `_stop` and waits for it: `max_wait_s`, if not
    the usual time."""

    def __init__(self, name: str, max_wait_s: float | None = None) -> None:
        self._max_wait_s = max_wait_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=self._max_wait_s or MAX_WAIT_S)

    @abstractmethod
    def _run(self) -> None:
        """Until `_stop` is set; nothing that goes wrong may leave it."""
