"""What an experiment came to over all the times that it was measured: one figure, one interval.

Each time is a server started anew, so that the interval holds what varies from start to start,
which no interval within one measurement can know of. Figures are positive and differ by shares:
their logarithms are averaged, and the interval is Student's t interval of that mean, as in the
final (`differences`). Of two times it is wide, because two tell little of how much they vary.

What made a configuration a leader is left out, as in its score; without a final all times are in.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from experiments_app.differences import noise_of
from experiments_app.metrics import LATENCIES, STATISTICS
from experiments_app.models import Measurement

RATES = ("output_tokens_per_s", "total_tokens_per_s", "requests_per_s", "good_requests_per_s")
FIGURES = (
    *RATES,
    *(f"{latency}_{statistic}_s" for latency in LATENCIES for statistic in STATISTICS),
)


@dataclass(frozen=True)
class OverRepeats:
    """The geometric mean of a figure over its repeats with the 95 % interval."""

    mean: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class RepeatedLevel:
    """A load level that was measured at least twice. `figures` has those of FIGURES that were more
    than nothing each time."""

    scenario: str
    concurrency: int
    repeats: tuple[int, ...]
    figures: dict[str, OverRepeats]

    def to_data(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "concurrency": self.concurrency,
            "repeats": list(self.repeats),
            "figures": {
                name: {"mean": found.mean, "ci95": list(found.ci95)}
                for name, found in self.figures.items()
            },
        }


def repeated_levels(rows: Iterable[Measurement]) -> list[RepeatedLevel]:
    """`rows`: all of an experiment, in their order; empty where it was measured once."""
    everything = list(rows)
    counted = [row for row in everything if row.counts]
    several = len({row.repeat for row in counted}) > 1
    levels: dict[tuple[str, int], list[Measurement]] = {}
    for row in counted if several else everything:
        levels.setdefault((row.scenario, row.concurrency), []).append(row)
    return [
        RepeatedLevel(scenario, concurrency, tuple(row.repeat for row in found), _figures(found))
        for (scenario, concurrency), found in levels.items()
        if len(found) > 1
    ]


def over_repeats(values: Sequence[float]) -> OverRepeats | None:
    """None for less than two, and where one of them is nothing."""
    if min(values, default=0.0) <= 0:
        return None
    logarithms = [math.log(value) for value in values]
    noise = noise_of(logarithms)
    if noise is None:
        return None
    middle = math.fsum(logarithms) / len(logarithms)
    half = noise.half_width(1 / math.sqrt(len(logarithms)))
    ends = math.exp(middle - half), math.exp(min(middle + half, 300.0))
    return OverRepeats(math.exp(middle), ends)


def _figures(rows: Sequence[Measurement]) -> dict[str, OverRepeats]:
    found = {}
    for name in FIGURES:
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        if len(values) == len(rows) and (figure := over_repeats(values)):
            found[name] = figure
    return found
