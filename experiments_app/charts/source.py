"""What charts are made from: a run of a task, and what was measured in it, as it is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Self

from experiments_app.charts.levels_measured import Repeat, repeat_of, score_spread
from experiments_app.models import Measurement
from experiments_app.overview import TaskOverview
from experiments_app.standing import Standing
from tasks_app.models import Task


@dataclass(frozen=True)
class ChartSource:
    """A run as its charts see it; each question about measurements is one query.

    Its experiments are read when a chart is made of them, not where one is known already.
    """

    standing: Standing

    @classmethod
    def load(cls, task: Task, run: int | None = None) -> Self:
        """Raises Run.DoesNotExist."""
        return cls(Standing.load(task, run))

    @cached_property
    def overview(self) -> TaskOverview:
        if isinstance(self.standing, TaskOverview):
            return self.standing
        return TaskOverview.of(self.standing)

    def levels(self, numbers: Iterable[int]) -> Sequence[Repeat]:
        """All that counts of what was measured of these, each load level after the other."""
        wanted = set(numbers)
        by_key = {e.pk: e.number for e in self.overview.experiments if e.number in wanted}
        rows = Measurement.objects.filter(experiment__in=by_key, counts=True).defer("samples")
        ordered = rows.order_by("experiment__number", "pk")
        return [repeat_of(row, by_key[row.experiment_id]) for row in ordered]

    @property
    def is_compared(self) -> bool:
        """Whether a final has told how sure scores are."""
        final = self.standing.final
        return final is not None and final.is_done and bool(final.estimates)

    @cached_property
    def spreads(self) -> Mapping[int, tuple[float, float]]:
        """By number: within what the score of an experiment lies that was measured again. That is
        its 95 % interval where the final has ended, else the lowest and highest of its repeats."""
        if self.is_compared and self.overview.final:
            estimates = self.overview.final.estimates
            return {e.number: e.score_ci95 for e in estimates if e.score_ci95}
        repeated = Measurement.objects.filter(
            experiment__task=self.overview.task, experiment__run=self.overview.run, repeat__gt=1
        )
        numbers = set(repeated.values_list("experiment__number", flat=True))
        if not numbers:
            return {}
        spreads = {}
        for number, repeats in groupby(self.levels(numbers), key=lambda repeat: repeat.number):
            spread = score_spread(self.overview.spec, list(repeats))
            if spread is not None:
                spreads[number] = spread
        return spreads
