"""The highest load that a configuration carries, found instead of given. Pure functions.

For one traffic scenario: from the concurrencies measured so far to the next one, and to a verdict
when there is none. Nothing is kept between two calls, and no concurrency is asked for twice.

With a latency bound in the SLO the answer is the highest concurrency that holds it. It is
bracketed, by doubling while the SLO holds and halving while it does not, and the bracket is
bisected until it is narrower than `RESOLUTION` of its lower end, or 1. That is exact to this
resolution where an SLO that is broken stays broken under more load (assumption A3 of
`load_order`).

Without one every load would do. Then the answer is the lowest concurrency that gives all of the
throughput: the load is doubled until that raises the throughput by no more than `LEAST_RISE`, and
halved, where no lower one was measured, until it costs more than that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from experiments_app.load_order import Level, Reading, rate_bound

RESOLUTION = 0.10
LEAST_RISE = 0.05
FIRST = 8
"""Where to begin when nothing is known: few engines break at it, and three steps lead to 1."""


class Verdict(StrEnum):
    SATURATED = "saturated"
    """Above it the SLO breaks, or throughput rises no further."""
    NOT_SATURATED = "not saturated"
    """The highest concurrency allowed was carried: more may be."""
    INFEASIBLE = "infeasible at the lowest load"
    BUDGET_SPENT = "budget spent"
    """The experiment's time ran out before the answer was found."""


@dataclass(frozen=True)
class Limits:
    """`by_rate`: there is no latency bound, so that the throughput tells when to stop."""

    highest: int
    lowest: int = 1
    by_rate: bool = False


@dataclass(frozen=True)
class Found:
    """`concurrency` is the highest known to be carried, with its `rate`; `broken_at` the lowest
    above it that is known to be too much."""

    verdict: Verdict
    concurrency: int | None
    rate: float | None
    broken_at: int | None


def next_concurrency(readings: Mapping[int, Reading], limits: Limits, first: int) -> int | None:
    """What to measure next of a scenario; None when the answer is known. `first` is the guess to
    begin with."""
    if not readings:
        return min(max(first, limits.lowest), limits.highest)
    held = _held(readings)
    if not held:
        return _halved(min(readings), limits)
    top, ceiling = held[-1], _broken_at(readings)
    if limits.by_rate and not _rises(readings, held):
        return _towards_the_knee(readings, held, limits)
    if ceiling is not None:
        return _between(top, ceiling)
    if top < limits.highest:
        return min(2 * top, limits.highest)
    return _halved(top, limits) if limits.by_rate and len(held) == 1 else None


def found(readings: Mapping[int, Reading], limits: Limits, first: int) -> Found:
    """The answer for a scenario that is measured no further."""
    held, broken_at = _held(readings), _broken_at(readings)
    concurrency = _carried(readings, held, limits)
    rate = readings[concurrency].value if concurrency is not None else None
    if next_concurrency(readings, limits, first) is not None:
        verdict = Verdict.BUDGET_SPENT
    elif not held:
        verdict = Verdict.INFEASIBLE
    elif broken_at is None and (not limits.by_rate or _rises(readings, held)):
        verdict = Verdict.NOT_SATURATED
    else:
        verdict = Verdict.SATURATED
    return Found(verdict, concurrency, rate, broken_at)


def scenario_bound(
    scenario: str, readings: Mapping[Level, Reading], limits: Limits, *, rising: bool
) -> float | None:
    """The best rate that the scenario can have at any concurrency within the limits, under the
    assumptions of `load_order`; None: it cannot be feasible.

    Between two measured concurrencies the bound rises with the load, so that only those just
    below a measured one, and the highest, are looked at.
    """
    own = {level.concurrency: readings[level] for level in readings if level.scenario == scenario}
    known = [reading.value or 0.0 for reading in own.values() if reading.feasible]
    tops = {limits.highest, *(concurrency - 1 for concurrency in own)} - own.keys()
    hopes = [
        hope
        for concurrency in tops
        if limits.lowest <= concurrency <= limits.highest
        and (hope := rate_bound(Level(scenario, concurrency), readings, rising=rising)) is not None
    ]
    return max([*known, *hopes], default=None)


def _held(readings: Mapping[int, Reading]) -> list[int]:
    return sorted(concurrency for concurrency, reading in readings.items() if reading.feasible)


def _broken_at(readings: Mapping[int, Reading]) -> int | None:
    """The lowest that is too much, above all that were carried."""
    top = max(_held(readings), default=0)
    broken = [c for c, reading in readings.items() if not reading.feasible and c > top]
    return min(broken, default=None)


def _halved(concurrency: int, limits: Limits) -> int | None:
    return max(concurrency // 2, limits.lowest) if concurrency > limits.lowest else None


def _between(low: int, high: int) -> int | None:
    """The geometric middle, for what counts is the ratio; None when they are near enough."""
    if high - low <= max(1.0, RESOLUTION * low):
        return None
    return min(max(round(math.sqrt(low * high)), low + 1), high - 1)


def _rises(readings: Mapping[int, Reading], held: Sequence[int]) -> bool:
    """Whether the last step up raised the throughput; so is taken what only one load tells."""
    return all(
        _rate(readings, top) > (1 + LEAST_RISE) * _rate(readings, below)
        for below, top in list(pairwise(held))[-1:]
    )


def _towards_the_knee(
    readings: Mapping[int, Reading], held: Sequence[int], limits: Limits
) -> int | None:
    lower = _halved(held[0], limits) if _gives_all(readings, held, held[0]) else None
    return None if lower in readings else lower


def _gives_all(readings: Mapping[int, Reading], held: Sequence[int], concurrency: int) -> bool:
    best = max(_rate(readings, other) for other in held)
    return _rate(readings, concurrency) * (1 + LEAST_RISE) >= best


def _carried(readings: Mapping[int, Reading], held: Sequence[int], limits: Limits) -> int | None:
    if not held or not limits.by_rate:
        return max(held, default=None)
    return next(c for c in held if _gives_all(readings, held, c))


def _rate(readings: Mapping[int, Reading], concurrency: int) -> float:
    return readings[concurrency].value or 0.0
