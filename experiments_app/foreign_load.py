"""What else kept this machine busy while a level was measured, and whether that disturbed it.

A level is *disturbed* when, over its whole length,

* processes that are not ours took at least `MAX_SHARE` of the processor time that ours took, and
  there was no room for both: less than `ROOM` of the processors idle; or they took more than half
  of it for `LONG_S` seconds on end;
* the hypervisor gave at least that share to somebody else (steal);
* processes waited for memory for at least `MAX_STALL` of the time; or
* somebody else's process computed on one of the experiment's GPUs.

Ours: this process with all that it started or that started it (site, consumer, engine, load
client), what carries the experiment's marker, and the server's container.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any

from experiments_app.sampling import SamplingThread

logger = logging.getLogger(__name__)

MAX_SHARE = 0.1
ROOM = 0.25
LONG_S = 2.0
LONG_SHARE = 0.5
MAX_STALL = 0.1
MIN_SECONDS = 0.5
"""The kernel counts in hundredths of a second: of less than this nothing can be said."""
INTERVAL_S = 1.0
MAX_WAIT_S = 5.0  # for the last reading, at the end
SOME_WORK_CORES = 0.2
"""Ours are taken to need at least so much: what idles cannot be disturbed by little."""


@dataclass(frozen=True)
class Reading:
    """Seconds of processor time since the machine started, of the processors that we may use."""

    at_s: float
    cores: int
    busy_s: float
    """Of everybody; neither waiting for a disk nor stolen."""
    ours_s: float
    stolen_s: float = 0.0
    io_wait_s: float = 0.0
    stalled_s: float = 0.0
    """In which some process waited for memory."""
    gpu_strangers: frozenset[str] = frozenset()
    """Who else computes on the experiment's GPUs."""


@dataclass(frozen=True)
class Seen:
    """What happened in `seconds`; processor time in cores."""

    seconds: float = 0.0
    cores: int = 1
    foreign: float = 0.0
    ours: float = 0.0
    stolen: float = 0.0
    io_wait: float = 0.0
    stalled: float = 0.0
    """Share of the time."""
    longest_s: float = 0.0
    """The longest stretch in which the foreign load was heavy."""
    gpu_strangers: tuple[str, ...] = ()

    @property
    def needed(self) -> float:
        return max(self.ours, SOME_WORK_CORES)

    @property
    def is_crowded(self) -> bool:
        return self.cores - self.ours - self.foreign - self.stolen < ROOM * self.cores

    @property
    def share(self) -> float:
        """By how much it was disturbed: what others took of what ours needed."""
        taken = self.stolen + (self.foreign if self.is_crowded else 0.0)
        return taken / self.needed + self.stalled + len(self.gpu_strangers)

    @property
    def why(self) -> str:
        """Why the level counts as disturbed; empty where it does not."""
        reasons = []
        if self.gpu_strangers:
            reasons.append(f"{', '.join(self.gpu_strangers)} computed on its GPUs")
        if self.seconds >= MIN_SECONDS:
            reasons += self._reasons()
        return "; ".join(reasons)

    def _reasons(self) -> list[str]:
        reasons = []
        share = self.foreign / self.needed
        if (self.is_crowded and share >= MAX_SHARE) or self.longest_s >= LONG_S:
            reasons.append(
                f"other processes kept {self.foreign:.2g} of {self.cores} cores busy"
                f" (ours: {self.ours:.2g})"
            )
        if self.stolen / self.needed >= MAX_SHARE:
            reasons.append(f"the hypervisor gave {self.stolen:.2g} cores to others")
        if self.stalled >= MAX_STALL:
            reasons.append(f"processes waited for memory for {self.stalled:.0%} of the time")
        return reasons

    @property
    def is_disturbed(self) -> bool:
        return bool(self.why)

    def conditions(self) -> dict[str, Any]:
        """As `Measurement.conditions` keeps it; cores but for `memory_stall`, a share."""
        known: dict[str, Any] = {
            "foreign_cpu": round(self.foreign, 3),
            "own_cpu": round(self.ours, 3),
            "steal_cpu": round(self.stolen, 3),
            "io_wait_cpu": round(self.io_wait, 3),
            "memory_stall": round(self.stalled, 3),
            "disturbed": self.is_disturbed,
        }
        if self.gpu_strangers:
            known["foreign_gpu"] = list(self.gpu_strangers)
        return known | ({"disturbed_by": self.why} if self.is_disturbed else {})


def seen_in(readings: Sequence[Reading]) -> Seen:
    """What happened between the first reading and the last; nothing for less than two."""
    strangers = tuple(sorted(frozenset().union(*(r.gpu_strangers for r in readings))))
    if len(readings) < 2 or readings[-1].at_s <= readings[0].at_s:
        return Seen(gpu_strangers=strangers)
    first, last = readings[0], readings[-1]
    seconds = last.at_s - first.at_s
    foreign, ours = _cores(first, last)
    longest_s = stretch_s = 0.0
    for one, other in pairwise(readings):
        now, own = _cores(one, other)
        crowded = other.cores - own - now < ROOM * other.cores
        heavy = crowded and now > LONG_SHARE * max(own, SOME_WORK_CORES)
        stretch_s = stretch_s + other.at_s - one.at_s if heavy else 0.0
        longest_s = max(longest_s, stretch_s)
    return Seen(
        seconds=seconds,
        cores=last.cores,
        foreign=foreign,
        ours=ours,
        stolen=(last.stolen_s - first.stolen_s) / seconds,
        io_wait=(last.io_wait_s - first.io_wait_s) / seconds,
        stalled=(last.stalled_s - first.stalled_s) / seconds,
        longest_s=longest_s,
        gpu_strangers=strangers,
    )


def _cores(first: Reading, last: Reading) -> tuple[float, float]:
    """Foreign and our cores between two readings. Ours and all are not read at the very same
    moment, so that the foreign ones may come out a little below nothing."""
    seconds = max(last.at_s - first.at_s, 1e-3)
    ours = max(last.ours_s - first.ours_s, 0.0) / seconds
    return max((last.busy_s - first.busy_s) / seconds - ours, 0.0), ours


class Watch(SamplingThread):
    """When it has ended `seen` tells. A reader that fails or hangs has seen nothing."""

    def __init__(self, read: Callable[[], Reading | None], interval_s: float = INTERVAL_S) -> None:
        super().__init__("foreign-load", MAX_WAIT_S)
        self.read = read
        self.interval_s = interval_s
        self.seen = Seen()
        self._readings: list[Reading] = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        self.seen = seen_in(list(self._readings))

    def _run(self) -> None:
        try:
            while True:
                is_last = self._stop.is_set()
                began = time.monotonic()
                if reading := self.read():
                    self._readings.append(reading)
                if is_last:
                    return
                self._stop.wait(max(self.interval_s - (time.monotonic() - began), 0.0))
        except Exception:  # a bug here must not cost a measurement
            logger.exception("foreign load is not watched any more")
