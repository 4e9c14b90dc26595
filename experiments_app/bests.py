"""The best of many runs at once, as `best` decides it for one; few experiments are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from experiments_app import objective
from experiments_app.best import is_nothing_feasible
from experiments_app.final_result import Final
from experiments_app.models import Experiment
from tasks_app.models import Run


@dataclass(frozen=True)
class Best:
    """`score` is None where nothing is feasible; `gain` over the baseline, as a ratio minus 1.
    `number`: the experiment where a final has named it; else it is the first of that score."""

    score: float | None
    gain: float | None
    number: int | None = None


def best_by_score(
    objective_name: str, highest: float | None, lowest: float | None, baseline: float | None
) -> Best:
    """Where no final says otherwise, from the ends of the scores of a run."""
    best = highest if objective.is_maximised(objective_name) else lowest
    return Best(best, objective.gain(objective_name, best, baseline))


def winners(runs: QuerySet[Run]) -> Mapping[tuple[int, int], Best]:
    """By task and number, those of the `runs` that a final has decided. Two queries at most."""
    held = runs.filter(final__is_done=True).order_by().values_list("task", "number", "final")
    return winners_of({(task, number): data for task, number, data in held})


def winners_of(
    kept: Mapping[tuple[int, int], Mapping[str, Any] | None],
) -> Mapping[tuple[int, int], Best]:
    """The same of what each run keeps as its `final`. One query at most."""
    read = {key: Final.from_data(data) for key, data in kept.items()}
    finals = {key: final for key, final in read.items() if final and final.is_done}
    if not finals:
        return {}
    scored = Experiment.objects.first_times().filter(
        task__in={task for task, _ in finals},
        number__in={final.winner or 0 for final in finals.values()},
        objective_score__isnull=False,
    )
    scores = {
        (task, run, number): score
        for task, run, number, score in scored.values_list(
            "task", "run", "number", "objective_score"
        )
    }
    found = {}
    for (task, run), final in finals.items():
        if is_nothing_feasible(final):
            found[task, run] = Best(None, None)
        elif final.winner is not None and (score := scores.get((task, run, final.winner))):
            found[task, run] = Best(score, final.gain, final.winner)
    return found
