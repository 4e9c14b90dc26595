"""What an experiment reaches in each of several objectives, and which experiments are the front.

Pure functions. In serving, throughput and latency are traded by the load, so that both are read at
one load, the *operating point*: in each scenario, the feasible level with the highest rate per
device. Of levels whose rates are within `SAME_RATE` of it, the lowest: there a server is as fast
and its requests wait less, and noise must not decide which latency it is told with.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from experiments_app import words
from experiments_app.across import Across
from experiments_app.metrics import Point
from experiments_app.objective import misses, rate_of
from tasks_app.spec_sections import OF_TOKENS, objective_is_maximised

SAME_RATE = 0.01
UNITS = {
    "throughput": "output tokens/s per device",
    "goodput": "requests/s per device",
    "cost": "per million output tokens",
    "energy": "J per output token",
}
RATES = {"throughput": "maximize_throughput", "goodput": "maximize_goodput"}


def title_of(name: str) -> str:
    return name.capitalize() if name in UNITS else words.latency(name)


def unit_of(name: str) -> str:
    return UNITS.get(name, "s")


def values_of(
    names: Sequence[str],
    points: Sequence[Point],
    slo: Mapping[str, float],
    scenarios: Iterable[str],
    *,
    weights: Mapping[str, float] | None = None,
    reference: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, float]:
    """The figure of each objective by its name: rates per device, latencies in seconds.

    Over scenarios both are geometric means, for latencies of long and short prompts have no common
    scale; with a `reference` (as `figures` of the default) the worst case relative to it. An
    objective that was not measured in some scenario is left out.
    """
    wanted = list(dict.fromkeys(scenarios))
    found = {}
    for name, by_scenario in figures(names, points, slo).items():
        if all(scenario in by_scenario for scenario in wanted):
            known = None if reference is None else reference[name]
            across = Across("geometric", objective_is_maximised(name), weights or {}, known)
            found[name] = across({scenario: by_scenario[scenario] for scenario in wanted})
    return found


def figures(
    names: Sequence[str],
    points: Sequence[Point],
    slo: Mapping[str, float],
    *,
    heedless: bool = False,
) -> dict[str, dict[str, float]]:
    """For each objective its figure in each scenario that has one; `heedless`: of the SLO, where no
    point of a scenario is feasible."""
    rate_name = next((RATES[name] for name in names if name in RATES), RATES["throughput"])
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for scenario in dict.fromkeys(point.scenario for point in points):
        own = [point for point in points if point.scenario == scenario]
        feasible = [point for point in own if not misses(point, slo)]
        usable = feasible or (own if heedless else [])
        if not usable:
            continue
        operating = operating_point(rate_name, usable)
        for name in names:
            if name in RATES:
                found[name][scenario] = max(rate_of(RATES[name], point) for point in usable)
            elif (value := operating.figure(OF_TOKENS.get(name, f"{name}_s"))) is not None:
                found[name][scenario] = value
    return found


def operating_point(rate_name: str, points: Sequence[Point]) -> Point:
    """The lowest load among `points` that gives the highest rate, within `SAME_RATE`."""
    rates = [rate_of(rate_name, point) for point in points]
    enough = (1 - SAME_RATE) * max(rates)
    reached = [p for p, rate in zip(points, rates, strict=True) if rate >= enough]
    return min(reached, key=lambda point: point.concurrency)


def front(values: Mapping[int, Mapping[str, float]], names: Sequence[str]) -> tuple[int, ...]:
    """The keys (numbers of experiments) of the Pareto front, the best in the first objective first.

    One is on the front where no other is at least as good in all objectives and better in one;
    so of equals all are. What lacks a value, or has one that is no number, is not.
    """
    turned = {
        key: vector
        for key, scores in values.items()
        if (vector := turned_up(scores, names)) is not None
    }
    kept = [key for key, own in turned.items() if not any(_beats(o, own) for o in turned.values())]
    return tuple(sorted(kept, key=lambda key: (*(-value for value in turned[key]), key)))


def turned_up(scores: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...] | None:
    """The values so that more is better; None where one is missing."""
    known = [scores.get(name) for name in names]
    if any(value is None or not math.isfinite(value) for value in known):
        return None
    return tuple(
        value if objective_is_maximised(name) else -value
        for name, value in zip(names, known, strict=True)
        if value is not None
    )


def _beats(left: Sequence[float], right: Sequence[float]) -> bool:
    pairs = list(zip(left, right, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
