"""Between the Measurement rows and the pure metrics: what is stored, and read back to score."""

from collections.abc import Iterable, Sequence

from experiments_app import objective
from experiments_app.metrics import Level, Point, Samples, latency_statistics, pool
from experiments_app.models import Experiment, Measurement
from experiments_app.objective import Score
from tasks_app.spec import TaskSpec


def store(experiment: Experiment, levels: Iterable[Level], *, repeat: int = 1) -> None:
    Measurement.objects.bulk_create(_row(experiment, level, repeat) for level in levels)


def points_of(rows: Iterable[Measurement]) -> list[Point]:
    """Repeats pooled request by request."""
    return pool(_level(row) for row in rows)


def score(spec: TaskSpec, points: Sequence[Point]) -> Score:
    """The score that the spec's objective gives these points."""
    expected = [(point.scenario, point.concurrency) for point in spec.points()]
    return objective.score(spec.optimization.objective, points, spec.slo, expected)


def remarks(levels: Iterable[Level]) -> list[str]:
    """What must be known of some levels before their figures are believed."""
    found = []
    for level in levels:
        where = f"{level.scenario} at concurrency {level.concurrency}"
        if level.client_bound:
            found.append(f"{where}: the load client set the pace, not the server")
        if level.num_cut_off:
            found.append(
                f"{where}: {level.num_cut_off} of {level.num_requests} answers have another length"
                " than was asked for, so that the load is not the same for all"
            )
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
    )
