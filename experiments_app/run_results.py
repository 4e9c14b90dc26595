"""How the runs of a task came out, in a few queries."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Max, Min, Q

from experiments_app import words
from experiments_app.bests import Best, best_by_score, winners
from experiments_app.models import Experiment
from tasks_app.models import Task


@dataclass(frozen=True)
class RunResult:
    """`best` with its unit, empty where nothing was feasible; `gain` over the baseline."""

    experiments: int
    best: str
    gain: float | None


def run_results(task: Task) -> Mapping[int, RunResult]:
    """By the number of the run; each by the objective that it had."""
    objectives = dict(task.runs.values_list("number", "spec__optimization__objective"))
    rows = (
        Experiment.objects.first_times()
        .filter(task=task)
        .order_by()
        .values("run")
        .annotate(
            experiments=Count("pk"),
            highest=Max("objective_score"),
            lowest=Min("objective_score"),
            baseline=Max("objective_score", filter=Q(number=0)),
        )
    )
    won = winners(task.runs.all())
    return {
        row["run"]: _result(row, objectives.get(row["run"]), won.get((task.pk, row["run"])))
        for row in rows
    }


def _result(row: Mapping[str, float | None], aim: str | None, won: Best | None) -> RunResult:
    if aim is None:
        return RunResult(int(row["experiments"] or 0), "", None)
    best = won or best_by_score(aim, row["highest"], row["lowest"], row["baseline"])
    return RunResult(
        experiments=int(row["experiments"] or 0),
        best="" if best.score is None else words.score(best.score, aim),
        gain=best.gain,
    )
