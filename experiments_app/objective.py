"""What a score means: from measured points, an objective and SLOs to score and feasibility.

Pure functions. `slo` maps names such as "ttft_p99_s" to bounds in seconds, and "error_rate" to
the share of requests that may fail; "cost_per_million_tokens" and "joules_per_token" have their
own units.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from experiments_app import words
from experiments_app.across import Across
from experiments_app.metrics import Point, Samples
from tasks_app.spec_sections import DEFAULT_ERROR_RATE, OF_TOKENS

# An error rate has no scale when none may fail: then it is compared with the default bound.
ERROR_RATE_SCALE = DEFAULT_ERROR_RATE

_LATENCY_OF = {"minimize_latency": "e2e", "minimize_ttft": "ttft", "minimize_tpot": "tpot"}
_OF_TOKENS = {f"minimize_{name}": figure for name, figure in OF_TOKENS.items()}
_UNITS = {
    "maximize_throughput": "output tokens/s per device",
    "maximize_goodput": "SLO-meeting requests/s per device",
    "minimize_latency": "s mean E2E latency",
    "minimize_ttft": "s mean TTFT",
    "minimize_tpot": "s mean TPOT",
    "minimize_cost": "per million output tokens",
    "minimize_energy": "J per output token",
}


@dataclass(frozen=True)
class Miss:
    """An SLO that a point breaks. `excess` is relative: 0.25 is 25 % over the bound."""

    name: str
    scenario: str
    concurrency: int
    value: float | None
    bound: float
    excess: float


@dataclass(frozen=True)
class Score:
    """`score` in the objective's unit, or None when infeasible: then `miss` names the SLO that
    keeps the experiment from being feasible, at the point where that is nearest."""

    score: float | None
    miss: Miss | None = None

    @property
    def feasible(self) -> bool:
        return self.score is not None

    @property
    def slo_excess(self) -> float | None:
        """Largest relative excess over an SLO; None when feasible, or when nothing answered."""
        return self.miss.excess if self.miss and math.isfinite(self.miss.excess) else None


def is_maximised(objective: str) -> bool:
    return objective.startswith("maximize_")


def unit(objective: str) -> str:
    return _UNITS[objective]


def misses(point: Point, slo: Mapping[str, float]) -> list[Miss]:
    """The SLOs that the point breaks, the worst first."""
    bounds = {"error_rate": DEFAULT_ERROR_RATE} | dict(slo)
    found = []
    for name, bound in bounds.items():
        value = point.figure(name)
        excess = _excess(name, value, bound)
        if excess > 0:
            found.append(Miss(name, point.scenario, point.concurrency, value, bound, excess))
    return sorted(found, key=lambda miss: -miss.excess)


def score(
    objective: str,
    points: Sequence[Point],
    slo: Mapping[str, float],
    expected: Iterable[tuple[str, int]],
    across: Across | None = None,
) -> Score:
    """The score of an experiment that was to be measured at the `expected` points.

    Throughput and goodput: per scenario the highest rate per device among feasible points.
    Latencies: per scenario the mean over its points of the point's mean; a point that is missing
    or breaks an SLO makes the experiment infeasible. Cost and energy: per scenario the lowest
    among feasible points. `across` makes one of all scenarios: without it the geometric mean, of
    latencies the arithmetic one.
    """
    wanted = list(expected)
    by_key = {(point.scenario, point.concurrency): point for point in points}
    across = across or across_for(objective)
    if objective in _LATENCY_OF:
        return _latency_score(_LATENCY_OF[objective], wanted, by_key, slo, across)
    return _best_point_score(objective, wanted, by_key, slo, across)


def across_for(
    objective: str,
    weights: Mapping[str, float] | None = None,
    reference: Mapping[str, float] | None = None,
) -> Across:
    maximise = is_maximised(objective)
    if objective in _LATENCY_OF:
        return Across("arithmetic", maximise, weights or {}, reference)
    return Across("geometric", maximise, weights or {}, reference)


def reference_figures(
    objective: str, points: Sequence[Point], slo: Mapping[str, float]
) -> dict[str, float]:
    """The figure of each scenario that others are compared with: as scored where a point is
    feasible, else heedless of the SLO. Scenarios without a figure above 0 are left out."""
    figures = {}
    for scenario in dict.fromkeys(point.scenario for point in points):
        own = [point for point in points if point.scenario == scenario]
        if objective in _LATENCY_OF:
            name = f"{_LATENCY_OF[objective]}_mean_s"
            means = [mean for point in own if (mean := point.latencies[name]) is not None]
            figure = fmean(means) if means else 0.0
        else:
            feasible = [point for point in own if not misses(point, slo)]
            values = [value_of(objective, point) for point in feasible or own]
            known = [value for value in values if value is not None]
            figure = _best(objective, known) if known else 0.0
        if figure > 0:
            figures[scenario] = figure
    return figures


def gain(objective: str, best: float | None, baseline: float | None) -> float | None:
    """How much better the best is: 0.31 for 31 %; None without both scores."""
    if not best or not baseline:
        return None
    return best / baseline - 1 if is_maximised(objective) else baseline / best - 1


def _best_point_score(
    objective: str,
    wanted: list[tuple[str, int]],
    by_key: Mapping[tuple[str, int], Point],
    slo: Mapping[str, float],
    across: Across,
) -> Score:
    rates: dict[str, float] = {}
    worst: Miss | None = None
    for scenario in dict.fromkeys(scenario for scenario, _ in wanted):
        points = [by_key.get(key) or _unmeasured(*key) for key in wanted if key[0] == scenario]
        feasible = [point for point in points if not misses(point, slo)]
        values = [value_of(objective, point) for point in feasible]
        if known := [value for value in values if value is not None]:
            rates[scenario] = _best(objective, known)
            continue
        nearest = min(
            (
                (misses(point, slo) or [_lacking(objective, point)])[0]
                for point in feasible or points
            ),
            key=lambda miss: miss.excess,
        )
        worst = nearest if worst is None or nearest.excess > worst.excess else worst
    if worst is not None:
        return Score(None, worst)
    return Score(across(rates))


def _best(objective: str, values: Sequence[float]) -> float:
    return max(values) if is_maximised(objective) else min(values)


def _lacking(objective: str, point: Point) -> Miss:
    """A point that has not what the objective looks at."""
    return Miss(_OF_TOKENS[objective], point.scenario, point.concurrency, None, 0, math.inf)


def _latency_score(
    latency: str,
    wanted: list[tuple[str, int]],
    by_key: Mapping[tuple[str, int], Point],
    slo: Mapping[str, float],
    across: Across,
) -> Score:
    points = [by_key.get(key) or _unmeasured(*key) for key in wanted]
    broken = [miss for point in points for miss in misses(point, slo)]
    if broken:
        return Score(None, max(broken, key=lambda miss: miss.excess))
    means = [point.latencies[f"{latency}_mean_s"] for point in points]
    known = [mean for mean in means if mean is not None]
    if len(known) < len(points):  # TPOT of answers of one token
        point = points[means.index(None)]
        missing = Miss(f"{latency}_mean_s", point.scenario, point.concurrency, None, 0, math.inf)
        return Score(None, missing)
    by_scenario: dict[str, list[float]] = {}
    for point, mean in zip(points, known, strict=True):
        by_scenario.setdefault(point.scenario, []).append(mean)
    return Score(across({name: fmean(values) for name, values in by_scenario.items()}))


def value_of(objective: str, point: Point) -> float | None:
    """What the objective looks at: the rate per device, the mean latency in seconds, or what an
    output token takes."""
    if objective in _OF_TOKENS:
        return point.figure(_OF_TOKENS[objective])
    if objective in _LATENCY_OF:
        return point.latencies[f"{_LATENCY_OF[objective]}_mean_s"]
    return rate_of(objective, point)


def rate_of(objective: str, point: Point) -> float:
    rate = (
        point.good_requests_per_s if objective == "maximize_goodput" else point.output_tokens_per_s
    )
    return rate / point.devices


def load_objective(objective: str) -> str:
    """The objective by which load levels are chosen: where a device gives the most tokens, each
    costs the least."""
    return "maximize_throughput" if objective in _OF_TOKENS else objective


def _unmeasured(scenario: str, concurrency: int) -> Point:
    return Point(scenario, concurrency, 0, 0, 0.0, 0.0, Samples())


def _excess(name: str, value: float | None, bound: float) -> float:
    if value is None:
        return math.inf
    if name == "error_rate":
        return max(0.0, (value - bound) / (bound or ERROR_RATE_SCALE))
    return max(0.0, value / bound - 1)


def describe_bound(objective: str, bound: float, rival: str, score: float) -> str:
    """Why an experiment that scores `bound` at best is measured no further, in words."""
    at = "at most" if is_maximised(objective) else "at least"
    return (
        f"cannot beat {rival}: {at} {words.number(bound)} {unit(objective)},"
        f" {rival} has {words.number(score)}"
    )


def describe_miss(miss: Miss) -> str:
    """Which SLO is missed, where and by how much, in words."""
    if miss.name in words.QUALITY and miss.value is not None:
        side = "at most" if miss.name == "logprob_distance" else "at least"
        value, bound = (words.quality(miss.name, figure) for figure in (miss.value, miss.bound))
        return f"{words.QUALITY[miss.name]}: {value} ({side} {bound})"
    where = f"{miss.scenario} at concurrency {miss.concurrency}"
    if miss.value is None:
        return f"nothing was measured for {words.latency(miss.name)} at {where}{_why_not(miss)}"
    if miss.name == "error_rate":
        return f"{miss.value:.1%} of the requests failed at {where} (at most {miss.bound:.1%})"
    unit = "" if miss.name in OF_TOKENS.values() else " s"
    return (
        f"{words.latency(miss.name)} is {miss.value:.4g}{unit} at {where}:"
        f" {miss.excess:.0%} over the bound of {miss.bound:g}{unit}"
    )


def _why_not(miss: Miss) -> str:
    return {
        "cost_per_million_tokens": "; it needs the price of a device hour",
        "joules_per_token": "; it needs devices that tell their power",
    }.get(miss.name, "")
