"""Which load level to measure next, and when no further level can matter. Pure functions.

An experiment need not be measured at every level to know that it loses. What the levels not yet
measured could bring at most is bounded from those that are, under three assumptions on how a
server behaves as its load (concurrency c) rises:

A1  its throughput does not fall;
A2  its throughput per request under way does not rise: no request becomes faster;
A3  an SLO that is broken stays broken.

So at an unmeasured level c the throughput is at most that of any measured higher level (A1), at
most c/c' times that of any measured lower level c' (A2), and c cannot be feasible above a level
that was not (A3). Latency, turned round: at least that of any lower level (A2), at least c/c'
times that of any higher level c' (A1). Goodput falls again under too much load: A1 is not used.
That a point which breaks an SLO makes a latency objective infeasible needs no assumption.

An experiment is pruned when its score under these bounds is no better than the best so far.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from experiments_app.across import Across
from experiments_app.objective import across_for


class Level(NamedTuple):
    """What is measured at once: a traffic scenario at a concurrency."""

    scenario: str
    concurrency: int


@dataclass(frozen=True)
class Reading:
    """What a level gave: the objective's rate per device, or its latency in seconds; None where
    nothing answered."""

    value: float | None
    feasible: bool


@dataclass(frozen=True)
class Decision:
    """`level` is to be measured next; None: measured enough.

    `bound` is the best score that the experiment can have under the assumptions; None: it cannot
    be feasible. `pruned` when levels are left out because that is no better than the best.
    """

    level: Level | None
    bound: float | None
    pruned: bool = False


def decide(
    objective: str,
    levels: Sequence[Level],
    readings: Mapping[Level, Reading],
    to_beat: float | None,
    across: Across | None = None,
) -> Decision:
    """What to do with an experiment whose `levels` gave `readings` so far.

    `to_beat` is the best feasible score so far; without one an experiment is measured until
    its own score is known. `across` makes one score of all scenarios, as `objective.score` has
    it: it never falls as a figure gets better, so that bounds of scenarios give a bound of all.
    """
    across = across or across_for(objective)
    if objective.startswith("maximize_"):
        rising = objective == "maximize_throughput"
        return _decide_rate(levels, readings, to_beat, across, rising=rising)
    return _decide_latency(levels, readings, to_beat, across)


def _decide_rate(
    levels: Sequence[Level],
    readings: Mapping[Level, Reading],
    to_beat: float | None,
    across: Across,
    *,
    rising: bool,
) -> Decision:
    scenarios = list(dict.fromkeys(level.scenario for level in levels))
    bounds: dict[str, float] = {}
    open_levels: list[Level] = []
    for scenario in scenarios:
        own = sorted(level for level in levels if level.scenario == scenario)
        known = max(
            (readings[level].value or 0.0 for level in own if _is_feasible(level, readings)),
            default=None,
        )
        hopes = {
            level: hope
            for level in own
            if level not in readings
            and (hope := rate_bound(level, readings, rising=rising)) is not None
            and (known is None or hope > known)
        }
        if known is None and not hopes:
            return Decision(None, None, pruned=any(level not in readings for level in levels))
        open_levels += hopes
        bounds[scenario] = max([*hopes.values(), *([] if known is None else [known])])
    bound = across(bounds)
    if not open_levels:
        return Decision(None, bound)
    if to_beat is not None and bound <= to_beat:
        return Decision(None, bound, pruned=True)
    return Decision(_most_telling(open_levels, readings, rising=rising), bound)


def rate_bound(
    level: Level, readings: Mapping[Level, Reading], *, rising: bool = True
) -> float | None:
    """The highest rate that `level` can have (inf: nothing is known); None: not feasible (A3)."""
    bound = math.inf
    for other, reading in readings.items():
        if other.scenario != level.scenario:
            continue
        lower = other.concurrency < level.concurrency
        if lower and not reading.feasible:
            return None
        if reading.value is None:
            continue
        if lower:
            bound = min(bound, reading.value * level.concurrency / other.concurrency)
        elif rising:
            bound = min(bound, reading.value)
    return bound


def _most_telling(
    open_levels: Sequence[Level], readings: Mapping[Level, Reading], *, rising: bool
) -> Level:
    """The highest level first: where throughput rises and the SLO holds, it is the score; where
    the SLO breaks, it bounds every lower level. Then the middle of what is left."""
    own = [level for level in open_levels if level.scenario == open_levels[0].scenario]
    fresh = all(level.scenario != own[0].scenario for level in readings)
    return own[-1] if fresh and rising else own[len(own) // 2]


def _decide_latency(
    levels: Sequence[Level],
    readings: Mapping[Level, Reading],
    to_beat: float | None,
    across: Across,
) -> Decision:
    left = [level for level in levels if level not in readings]
    if any(not reading.feasible or reading.value is None for reading in readings.values()):
        return Decision(None, None, pruned=bool(left))
    by_scenario: dict[str, list[float]] = {}
    for level in levels:
        by_scenario.setdefault(level.scenario, []).append(_latency_bound(level, readings))
    bound = across({name: fmean(bounds) for name, bounds in by_scenario.items()})
    if not left:
        return Decision(None, bound)
    if to_beat is not None and bound >= to_beat:
        return Decision(None, bound, pruned=True)
    return Decision(max(left, key=lambda level: level.concurrency), bound)


def _latency_bound(level: Level, readings: Mapping[Level, Reading]) -> float:
    """The lowest latency that `level` can have."""
    if level in readings:
        return readings[level].value or 0.0
    bound = 0.0
    for other, reading in readings.items():
        if other.scenario == level.scenario and reading.value is not None:
            share = min(1.0, level.concurrency / other.concurrency)
            bound = max(bound, reading.value * share)
    return bound


def _is_feasible(level: Level, readings: Mapping[Level, Reading]) -> bool:
    return level in readings and readings[level].feasible
