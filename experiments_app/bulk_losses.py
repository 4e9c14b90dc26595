"""What a deletion of many tasks would lose, counted in two queries."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_app.models import Experiment, Measurement
from tasks_app.models import Task


@dataclass(frozen=True)
class BulkLosses:
    experiments: int
    measurements: int


def losses_of(tasks: Sequence[Task]) -> BulkLosses:
    return BulkLosses(
        experiments=Experiment.objects.filter(task__in=tasks).count(),
        measurements=Measurement.objects.filter(experiment__task__in=tasks).count(),
    )
