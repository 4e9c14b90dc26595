"""The experiments of a run that one would look at next: before it, after it, the best."""

from dataclasses import dataclass
from typing import Self

from experiments_app import objective
from experiments_app.models import Experiment


@dataclass(frozen=True)
class Neighbours:
    """Only `pk`, `number` and the score of each are loaded."""

    previous: Experiment | None
    next: Experiment | None
    best: Experiment | None

    @classmethod
    def of(cls, experiment: Experiment, objective_name: str) -> Self:
        """Three queries."""
        run = Experiment.objects.of_run(experiment.task, experiment.run)
        run = run.only("pk", "number", "objective_score")
        sign = "-" if objective.is_maximised(objective_name) else ""
        scored = run.filter(objective_score__isnull=False)
        return cls(
            previous=run.filter(number__lt=experiment.number).order_by("-number").first(),
            next=run.filter(number__gt=experiment.number).order_by("number").first(),
            best=scored.order_by(f"{sign}objective_score", "number").first(),
        )
