"""The experiments of a run that one would look at next: before it, after it, the best."""

from dataclasses import dataclass
from typing import Self

from django.db.models import Q

from experiments_app import objective
from experiments_app.best import best_of
from experiments_app.final_result import Final
from experiments_app.models import Experiment


@dataclass(frozen=True)
class Neighbours:
    """Only `pk`, `number` and the score of each are loaded."""

    previous: Experiment | None
    next: Experiment | None
    best: Experiment | None

    @classmethod
    def of(cls, experiment: Experiment, objective_name: str, final: Final | None) -> Self:
        """Three queries. Of the scored only as many are read as `best_of` may choose from."""
        run = Experiment.objects.of_run(experiment.task, experiment.run)
        run = run.only("pk", "number", "objective_score")
        sign = "-" if objective.is_maximised(objective_name) else ""
        scored = run.filter(objective_score__isnull=False)
        first = scored.order_by(f"{sign}objective_score", "number").values("pk")[:1]
        winner = final.winner if final is not None else None
        could_be = scored.filter(Q(pk=first) | Q(number=winner))
        return cls(
            previous=run.filter(number__lt=experiment.number).order_by("-number").first(),
            next=run.filter(number__gt=experiment.number).order_by("number").first(),
            best=best_of(could_be, objective_name, final),
        )
