"""Which SLO infeasible experiments miss, by how much and at which load, for many at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from experiments_app import measurements, objective
from experiments_app.metrics import LATENCIES, STATISTICS, Point, Samples, per_token
from experiments_app.models import Experiment, Measurement
from tasks_app.spec import TaskSpec

STATISTIC_COLUMNS = tuple(f"{name}_{stat}_s" for name in LATENCIES for stat in STATISTICS)


@dataclass(frozen=True)
class StoredPoint(Point):
    """A point whose latencies are read from their columns: its samples are left in the database.

    Of repeats it has the means, where scoring pools their requests: close enough to say why.
    """

    statistics: Mapping[str, float | None] = field(default_factory=dict)

    @cached_property
    def latencies(self) -> dict[str, float | None]:
        return dict(self.statistics)


def misses_in_words(spec: TaskSpec, experiments: Sequence[Experiment]) -> dict[int, str]:
    """For each infeasible experiment by its pk: `TTFT p99 is 0.41 s at D(100,50) at …`."""
    if not experiments:
        return {}
    rows = Measurement.objects.filter(experiment__in=experiments, counts=True)
    rows = rows.defer("samples").order_by()
    by_experiment: dict[int, list[Measurement]] = defaultdict(list)
    for row in rows:
        by_experiment[row.experiment_id].append(row)
    found = {}
    qualities = {experiment.pk: experiment.quality for experiment in experiments}
    for pk, measured in by_experiment.items():
        points = stored_points(measured)
        miss = measurements.score(spec, points, quality=qualities[pk]).miss
        if miss is not None:
            found[pk] = objective.describe_miss(miss)
    return found


def stored_points(rows: Iterable[Measurement]) -> list[StoredPoint]:
    def key(row: Measurement) -> tuple[str, int]:
        return row.scenario, row.concurrency

    grouped = groupby(sorted(rows, key=key), key=key)
    return [_point(list(repeats)) for _, repeats in grouped]


def _point(repeats: Sequence[Measurement]) -> StoredPoint:
    first = repeats[0]
    return StoredPoint(
        scenario=first.scenario,
        concurrency=first.concurrency,
        num_requests=sum(row.num_requests for row in repeats),
        num_errors=sum(row.num_errors for row in repeats),
        output_tokens_per_s=mean_of(repeats, "output_tokens_per_s") or 0.0,
        good_requests_per_s=mean_of(repeats, "good_requests_per_s") or 0.0,
        samples=Samples(),
        devices=max(row.devices for row in repeats),
        cost_per_million_tokens=per_token(repeats, "cost_per_million_tokens"),
        joules_per_token=per_token(repeats, "joules_per_token"),
        statistics={name: mean_of(repeats, name) for name in STATISTIC_COLUMNS},
    )


def mean_of(repeats: Iterable[Measurement], column: str) -> float | None:
    known = [value for row in repeats if (value := getattr(row, column)) is not None]
    return sum(known) / len(known) if known else None
