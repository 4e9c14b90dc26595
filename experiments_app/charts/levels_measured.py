"""Load levels as they were measured, read back from their stored statistics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from experiments_app import objective
from experiments_app.measurements import expected_points
from experiments_app.metrics import Samples
from experiments_app.misses import STATISTIC_COLUMNS, StoredPoint
from experiments_app.models import Measurement
from tasks_app.spec import TaskSpec


@dataclass(frozen=True)
class Repeat:
    """One measurement of one load level of experiment `number`."""

    number: int
    repeat: int
    point: StoredPoint

    @property
    def tokens_per_s(self) -> float:
        """Output tokens per second and device."""
        return self.point.output_tokens_per_s / self.point.devices

    def latency_s(self, name: str) -> float | None:
        """By a name such as `ttft_p99_s`."""
        return self.point.latencies.get(name)


def repeat_of(row: Measurement, number: int) -> Repeat:
    point = StoredPoint(
        scenario=row.scenario,
        concurrency=row.concurrency,
        num_requests=row.num_requests,
        num_errors=row.num_errors,
        output_tokens_per_s=row.output_tokens_per_s or 0.0,
        good_requests_per_s=row.good_requests_per_s or 0.0,
        samples=Samples(),
        devices=row.devices,
        cost_per_million_tokens=row.cost_per_million_tokens,
        joules_per_token=row.joules_per_token,
        statistics={name: getattr(row, name) for name in STATISTIC_COLUMNS},
    )
    return Repeat(number, row.repeat, point)


def mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def score_spread(spec: TaskSpec, repeats: Sequence[Repeat]) -> tuple[float, float] | None:
    """The lowest and the highest score that an experiment's repeats have by themselves.

    None where fewer than two have one.
    """
    scores = []
    by_repeat = sorted(repeats, key=lambda repeat: repeat.repeat)
    for _, group in groupby(by_repeat, key=lambda repeat: repeat.repeat):
        points = [repeat.point for repeat in group]
        expected = expected_points(spec, points)
        scores.append(
            objective.score(spec.optimization.objective, points, spec.slo, expected).score
        )
    known = [score for score in scores if score is not None]
    return (min(known), max(known)) if len(known) > 1 else None
