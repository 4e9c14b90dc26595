"""How busy the client itself is: beyond its own limit it measures itself, not the server."""

import time
from dataclasses import dataclass
from typing import Any

import gevent


@dataclass(frozen=True)
class ClientFigures:
    client_cpu_share: float
    """Processor time over wall time; 1 is one full core."""
    client_busy_share: float
    """Share of the time in which the event loop was at work, waits for a processor included."""
    client_lag_s: float
    """Mean time until the loop gets to look at something that arrives at any moment."""


class LoopWatch:
    """Times the event loop's rounds: from the end of its wait for events to the next such wait.

    What arrives in a round of length L waits L/2 on average, and the chance to arrive in it is
    L/T: over the time T the mean wait is sum(L²) / 2T.
    """

    def __init__(self) -> None:
        loop = gevent.get_hub().loop
        self._check: Any = loop.check()
        self._prepare: Any = loop.prepare()
        self._reset()

    def _reset(self) -> None:
        self._round_began = 0.0
        self._busy_s = 0.0
        self._squares = 0.0
        self._began = time.perf_counter()
        self._cpu_began = time.process_time()
        self._wall_s = 0.0
        self._cpu_s = 0.0

    def start(self) -> None:
        self._reset()
        self._check.start(self._round_begins)
        self._prepare.start(self._round_ends)

    def stop(self) -> None:
        self._check.stop()
        self._prepare.stop()
        self._wall_s = time.perf_counter() - self._began
        self._cpu_s = time.process_time() - self._cpu_began

    def _round_begins(self) -> None:
        self._round_began = time.perf_counter()

    def _round_ends(self) -> None:
        if self._round_began:
            length = time.perf_counter() - self._round_began
            self._busy_s += length
            self._squares += length * length
            self._round_began = 0.0

    def figures(self) -> ClientFigures:
        wall_s = max(self._wall_s, 1e-9)
        return ClientFigures(
            client_cpu_share=self._cpu_s / wall_s,
            client_busy_share=self._busy_s / wall_s,
            client_lag_s=self._squares / (2 * wall_s),
        )
