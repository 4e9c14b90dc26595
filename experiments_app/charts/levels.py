"""Throughput against latency at each load level, for chosen experiments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from experiments_app import objective, words
from experiments_app.charts.kinds import finished_rows, path_of
from experiments_app.charts.levels_measured import Repeat, mean
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.source import ChartSource
from experiments_app.metrics import per_token
from experiments_app.misses import StoredPoint
from experiments_app.objective import is_maximised
from experiments_app.overview import TaskOverview
from experiments_app.rows import Row
from tasks_app.spec import TaskSpec

RUNNERS_UP = 2
MAX_PANELS = 6
MILLISECONDS_BELOW_S = 1.0
Range = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line of a chart; `role` is best, baseline or other."""

    name: str
    role: str


@dataclass(frozen=True)
class LevelPoint:
    """One series at one load level; ranges are of its repeats, where there are any."""

    series: str
    concurrency: int
    throughput: float
    latency: float
    feasible: bool
    tooltip: str
    path: str
    throughput_range: Range | None = None
    latency_range: Range | None = None
    on_front: bool = False


@dataclass(frozen=True)
class Panel:
    """One traffic scenario; `bound` is the SLO of the latency that is drawn."""

    scenario: str
    points: tuple[LevelPoint, ...]
    bound: float | None

    @property
    def front(self) -> list[LevelPoint]:
        """What nothing else beats in both, from little throughput to much."""
        return sorted((p for p in self.points if p.on_front), key=lambda p: p.throughput)


@dataclass(frozen=True)
class LevelsChart:
    title: str
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    panels: tuple[Panel, ...]
    description: str

    @property
    def has_content(self) -> bool:
        return bool(self.panels)


@dataclass(frozen=True)
class Line:
    """What becomes a series: all measurements of one experiment."""

    series: Series
    path: str
    repeats: Sequence[Repeat]
    spec: TaskSpec


def levels_chart(source: ChartSource, options: ChartOptions) -> LevelsChart:
    overview = source.overview
    rows = chosen_rows(overview, options.experiments)
    measured: dict[int, list[Repeat]] = {
        number: list(group)
        for number, group in groupby(
            source.levels(row.number for row in rows), key=lambda repeat: repeat.number
        )
    }
    lines = [
        Line(
            Series(_series_name(row), _role(row)), path_of(row), measured[row.number], overview.spec
        )
        for row in rows
        if row.number in measured
    ]
    return chart_of(lines, latency_of(overview.spec, options))


def latency_of(spec: TaskSpec, options: ChartOptions) -> str:
    """The latency to draw, as `ttft_p99_s`: the reader's, else the SLO's, else the objective's."""
    bounds = spec.slo_bounds()
    of_objective = {"minimize_ttft": "ttft", "minimize_tpot": "tpot"}
    metric = options.latency or (
        bounds[0].metric if bounds else of_objective.get(spec.optimization.objective, "e2e")
    )
    statistic = options.statistic or next(
        (bound.statistic for bound in bounds if bound.metric == metric), "mean"
    )
    return f"{metric}_{statistic}_s"


def latency_name(latency: str) -> str:
    """`ttft_p99_s` as TTFT p99."""
    metric, statistic, _ = latency.split("_")
    return f"{metric.upper()} {statistic}"


def chosen_rows(overview: TaskOverview, numbers: Sequence[int]) -> list[Row]:
    """The experiments with these numbers; else the best, the baseline, the runners-up."""
    rows = finished_rows(overview)
    if numbers:
        return [row for row in rows if row.number in set(numbers)]
    sign = -1 if is_maximised(overview.objective) else 1

    def rank(row: Row) -> tuple[bool, float]:
        if row.score is not None:
            return False, sign * row.score
        excess = row.experiment.slo_excess if row.experiment else None
        return True, excess if excess is not None else float("inf")

    others = sorted((row for row in rows if not row.is_baseline), key=rank)
    told = [row for row in others if row.score is not None or row.state == "infeasible"]
    baseline = [row for row in rows if row.is_baseline]
    return sorted([*baseline, *told[: RUNNERS_UP + 1]], key=lambda row: row.number)


def chart_of(lines: Sequence[Line], latency: str) -> LevelsChart:
    scenarios = list(dict.fromkeys(r.point.scenario for line in lines for r in line.repeats))
    in_seconds = [
        value for line in lines for r in line.repeats if (value := r.latency_s(latency)) is not None
    ]
    unit, scale = ("s", 1.0)
    if in_seconds and max(in_seconds) < MILLISECONDS_BELOW_S:
        unit, scale = ("ms", 1000.0)
    name = latency_name(latency)
    panels = [
        panel
        for scenario in scenarios[:MAX_PANELS]
        if (panel := _panel(scenario, lines, latency, (unit, scale))).points
    ]
    return LevelsChart(
        title=f"Throughput against {name}",
        x_title="Output tokens/s per device",
        y_title=f"{name} ({unit})",
        series=tuple(line.series for line in lines),
        panels=tuple(panels),
        description=_describe(panels, len(scenarios), name, unit),
    )


def _panel(scenario: str, lines: Sequence[Line], latency: str, unit: tuple[str, float]) -> Panel:
    points: list[LevelPoint] = []
    for line in lines:
        own = [r for r in line.repeats if r.point.scenario == scenario]
        own.sort(key=lambda r: r.point.concurrency)
        for _, group in groupby(own, key=lambda r: r.point.concurrency):
            point = _point(line, list(group), latency, unit)
            if point is not None:
                points.append(point)
    front = _front(points)
    bounds = {line.spec.slo.get(latency) for line in lines}
    bound = bounds.pop() if len(bounds) == 1 else None
    return Panel(
        scenario,
        tuple(replace(point, on_front=index in front) for index, point in enumerate(points)),
        None if bound is None else float(bound) * unit[1],
    )


def _point(
    line: Line, repeats: Sequence[Repeat], latency: str, unit: tuple[str, float]
) -> LevelPoint | None:
    values = [value * unit[1] for r in repeats if (value := r.latency_s(latency)) is not None]
    if not values:
        return None
    first = repeats[0].point
    pooled = StoredPoint(
        scenario=first.scenario,
        concurrency=first.concurrency,
        num_requests=sum(r.point.num_requests for r in repeats),
        num_errors=sum(r.point.num_errors for r in repeats),
        output_tokens_per_s=mean(r.point.output_tokens_per_s for r in repeats) or 0.0,
        good_requests_per_s=mean(r.point.good_requests_per_s for r in repeats) or 0.0,
        samples=first.samples,
        devices=first.devices,
        cost_per_million_tokens=per_token([r.point for r in repeats], "cost_per_million_tokens"),
        joules_per_token=per_token([r.point for r in repeats], "joules_per_token"),
        statistics=_mean_latencies(repeats),
    )
    rates = [r.tokens_per_s for r in repeats]
    throughput, value = mean(rates) or 0.0, mean(values) or 0.0
    misses = objective.misses(pooled, line.spec.slo)
    told = [
        line.series.name,
        f"{first.scenario} at concurrency {first.concurrency}",
        f"{words.number(throughput)} output tokens/s per device",
        f"{latency_name(latency)} {words.number(value)} {unit[0]}",
    ]
    if len(repeats) > 1:
        told.append(f"mean of {len(repeats)} repeats")
    if misses:
        told.append(f"misses {misses[0].name.removesuffix('_s').replace('_', ' ')}")
    again = len(repeats) > 1
    return LevelPoint(
        series=line.series.name,
        concurrency=first.concurrency,
        throughput=throughput,
        latency=value,
        feasible=not misses,
        tooltip=" · ".join(told),
        path=line.path,
        throughput_range=(min(rates), max(rates)) if again else None,
        latency_range=(min(values), max(values)) if again else None,
    )


def _mean_latencies(repeats: Sequence[Repeat]) -> Mapping[str, float | None]:
    names = repeats[0].point.statistics
    return {name: mean(r.latency_s(name) for r in repeats) for name in names}


def _front(points: Sequence[LevelPoint]) -> set[int]:
    """Which feasible points no other feasible one beats in throughput and latency."""
    order = sorted(
        (index for index, point in enumerate(points) if point.feasible),
        key=lambda index: (-points[index].throughput, points[index].latency),
    )
    found: set[int] = set()
    lowest = float("inf")
    for index in order:
        if points[index].latency < lowest:
            lowest = points[index].latency
            found.add(index)
    return found


def _series_name(row: Row) -> str:
    name = "Default" if row.is_baseline else f"Experiment {row.number}"
    return f"★ {name}" if row.is_best else name


def _role(row: Row) -> str:
    if row.is_best:
        return "best"
    return "baseline" if row.is_baseline else "other"


def _describe(panels: Sequence[Panel], num_scenarios: int, name: str, unit: str) -> str:
    if not panels:
        return "The first measured load levels appear here."
    parts = []
    for panel in panels:
        fastest = max(panel.points, key=lambda point: point.throughput)
        parts.append(
            f"{panel.scenario}: {fastest.series} is the fastest with"
            f" {words.number(fastest.throughput)} output tokens/s per device at concurrency"
            f" {fastest.concurrency}, where {name} is {words.number(fastest.latency)} {unit}."
        )
    if num_scenarios > len(panels):
        parts.append(f"Drawn for {len(panels)} of {num_scenarios} traffic scenarios.")
    return " ".join(parts)
