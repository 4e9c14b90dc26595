"""Between the Measurement rows and the pure metrics: what is stored, and read back to score."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments_app import objective, several
from experiments_app.across import Across
from experiments_app.confidence.marks import marks_of
from experiments_app.metrics import Level, Point, Samples, latency_statistics, pool
from experiments_app.models import Experiment, Measurement
from experiments_app.objective import Miss, Score
from experiments_app.quality.verdict import miss_of
from tasks_app.spec import TaskSpec


def store(experiment: Experiment, levels: Iterable[Level], *, repeat: int = 1) -> None:
    Measurement.objects.bulk_create(_row(experiment, level, repeat) for level in levels)


def in_order(spec: TaskSpec, levels: Iterable[Level]) -> list[Level]:
    """As the task lists them, in whatever order they were measured; found ones by their load."""
    scenarios = spec.benchmark.traffic_scenarios
    given = spec.benchmark.given_concurrencies
    return sorted(
        levels,
        key=lambda level: (
            scenarios.index(level.scenario),
            given.index(level.concurrency) if given else level.concurrency,
        ),
    )


def points_of(rows: Iterable[Measurement]) -> list[Point]:
    """Repeats pooled request by request; without what does not count."""
    return all_points_of(row for row in rows if row.counts)


def all_points_of(rows: Iterable[Measurement]) -> list[Point]:
    """Whether they count or not."""
    return pool(_level(row) for row in rows)


def score(
    spec: TaskSpec,
    points: Sequence[Point],
    reference: Sequence[Point] | None = None,
    *,
    quality: Mapping[str, Any],
) -> Score:
    """The score that the spec's objective gives these points; `reference` as for `across`.

    `quality`: the experiment's column; answers that agree too little with the default's make it
    infeasible.
    """
    expected = expected_points(spec, points)
    name = spec.optimization.objective
    found = objective.score(name, points, spec.slo, expected, across(spec, reference or points))
    miss = miss_of(quality, spec.quality)
    if miss is None or (found.miss is not None and found.miss.excess >= miss.excess):
        return found
    return Score(None, miss)


def expected_points(spec: TaskSpec, points: Sequence[Point]) -> list[tuple[str, int]]:
    """Where an experiment is to have been measured: where the load is found, where it was, and
    somewhere in each scenario."""
    if not spec.benchmark.finds_concurrency:
        return [(point.scenario, point.concurrency) for point in spec.points()]
    measured = [(point.scenario, point.concurrency) for point in points]
    lacking = set(spec.benchmark.traffic_scenarios) - {scenario for scenario, _ in measured}
    return [*measured, *((scenario, 1) for scenario in sorted(lacking))]


def across(spec: TaskSpec, reference: Sequence[Point]) -> Across:
    """How the spec makes one score of all scenarios. `reference`: what the worst case is compared
    with, the points of `reference_points`."""
    optimization = spec.optimization
    figures = None
    if optimization.across_scenarios == "worst_case":
        found = objective.reference_figures(optimization.objective, reference, spec.slo)
        figures = found if covers(spec, found) else None
    return objective.across_for(optimization.objective, optimization.scenario_weights, figures)


def scores(
    spec: TaskSpec, points: Sequence[Point], reference: Sequence[Point] | None = None
) -> dict[str, float]:
    """The value of each of the spec's several objectives; {} where it has none."""
    optimization = spec.optimization
    names = optimization.objectives or []
    figures = None
    if names and optimization.across_scenarios == "worst_case":
        figures = several.figures(names, reference or points, spec.slo, heedless=True)
        if not all(covers(spec, figures[name]) for name in names):
            figures = None
    return several.values_of(
        names,
        points,
        spec.slo,
        spec.benchmark.traffic_scenarios,
        weights=optimization.scenario_weights,
        reference=figures,
    )


def covers(spec: TaskSpec, figures: Mapping[str, float]) -> bool:
    """Whether every scenario of the spec has a figure that others can be compared with."""
    return all(figures.get(scenario, 0) > 0 for scenario in spec.benchmark.traffic_scenarios)


def reference_points(spec: TaskSpec, experiment: Experiment) -> list[Point] | None:
    """What `experiment` is compared with in the worst case: the first of its run that ended with
    figures in every scenario. That is the default, feasible or not, or where the default could not
    be measured the first that could. None: there is none yet, or none is needed.

    By the time of its end and not its number: what is tried again changes no score before it.
    """
    if spec.optimization.across_scenarios != "worst_case":
        return None
    run = Experiment.objects.of_run(experiment.task, experiment.run)
    ended = run.filter(status=Experiment.Status.SUCCESS).exclude(pk=experiment.pk)
    for earlier in ended.order_by("completed_at", "number").iterator(chunk_size=1):
        points = points_of(earlier.measurements.all())
        figures = objective.reference_figures(spec.optimization.objective, points, spec.slo)
        if covers(spec, figures):
            return points
    return None


def first_miss(levels: Iterable[Level], slo: Mapping[str, float]) -> Miss | None:
    """The SLO that is broken most at the lowest load where one is."""
    points = sorted(pool(levels), key=lambda point: point.concurrency)
    found = (objective.misses(point, slo) for point in points)
    return next((broken[0] for broken in found if broken), None)


def remarks(levels: Iterable[Level], slo: Mapping[str, float]) -> list[str]:
    """What must be known of some levels before their figures are believed."""
    found = []
    for level in levels:
        where = f"{level.scenario} at concurrency {level.concurrency}"
        if level.client_bound:
            found.append(f"{where}: the load client set the pace, not the server")
        figures = latency_statistics(level.samples)
        marks = marks_of(level, figures, slo)
        found += [f"{where}: {mark.name}: {mark.words}" for mark in marks if mark.is_grave]
    return found


def _row(experiment: Experiment, level: Level, repeat: int) -> Measurement:
    return Measurement(
        experiment=experiment,
        repeat=repeat,
        scenario=level.scenario,
        concurrency=level.concurrency,
        num_requests=level.num_requests,
        num_errors=level.num_errors,
        num_cut_off=level.num_cut_off,
        duration_s=level.duration_s,
        devices=level.devices,
        output_tokens_per_s=level.output_tokens_per_s,
        total_tokens_per_s=level.total_tokens_per_s,
        requests_per_s=level.requests_per_s,
        good_requests_per_s=level.good_requests_per_s,
        client_bound=level.client_bound,
        cost_per_million_tokens=level.cost_per_million_tokens,
        joules_per_token=level.joules_per_token,
        conditions=dict(level.conditions),
        samples=level.samples.to_data(),
        **latency_statistics(level.samples),
    )


def _level(row: Measurement) -> Level:
    return Level(
        scenario=row.scenario,
        concurrency=row.concurrency,
        num_requests=row.num_requests,
        num_errors=row.num_errors,
        num_cut_off=row.num_cut_off,
        duration_s=row.duration_s,
        output_tokens_per_s=row.output_tokens_per_s or 0.0,
        total_tokens_per_s=row.total_tokens_per_s or 0.0,
        requests_per_s=row.requests_per_s or 0.0,
        good_requests_per_s=row.good_requests_per_s or 0.0,
        client_bound=row.client_bound,
        samples=Samples.from_data(row.samples),
        devices=row.devices,
        conditions=row.conditions,
        cost_per_million_tokens=row.cost_per_million_tokens,
        joules_per_token=row.joules_per_token,
    )
