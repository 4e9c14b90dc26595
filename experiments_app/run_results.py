"""How the runs of a task came out, in one query."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Max, Min, Q

from experiments_app import objective, words
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
    return {row["run"]: _result(row, objectives.get(row["run"])) for row in rows}


def _result(row: Mapping[str, float | None], aim: str | None) -> RunResult:
    if aim is None:
        return RunResult(int(row["experiments"] or 0), "", None)
    best = row["highest" if objective.is_maximised(aim) else "lowest"]
    return RunResult(
        experiments=int(row["experiments"] or 0),
        best="" if best is None else words.score(best, aim),
        gain=objective.gain(aim, best, row["baseline"]),
    )
