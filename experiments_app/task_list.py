"""What the list of tasks says of each: progress, best score, gain. Four queries at most for any
number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min, Q

from experiments_app import words
from experiments_app.bests import Best, best_by_score, winners_of
from experiments_app.models import Experiment
from experiments_app.planned import fraction_done, planned_by_task
from tasks_app.models import Run, Task


@dataclass(frozen=True)
class TaskSummary:
    """A task and the standing of its current run; `total` counts the baseline in."""

    task: Task
    finished: int
    total: int
    best_score: float | None
    gain: float | None
    best_number: int | None = None

    @property
    def objective(self) -> str:
        return str(self.task.optimization["objective"])

    @property
    def percent(self) -> int:
        if self.task.current_status is Task.Status.COMPLETED:
            return 100
        return int(100 * fraction_done(self.finished, self.total))

    @property
    def best(self) -> str:
        return "" if self.best_score is None else words.score(self.best_score, self.objective)

    @property
    def is_live(self) -> bool:
        return self.task.current_status.is_under_way

    @property
    def elapsed_s(self) -> float | None:
        elapsed = self.task.elapsed
        return elapsed.total_seconds() if elapsed else None


def listed(pks: Sequence[int]) -> list[Task]:
    """These tasks in this order, with all that their rows show; those that are gone left out."""
    tasks = Task.objects.select_related("created_by").prefetch_related("labels").in_bulk(pks)
    return [tasks[pk] for pk in pks if pk in tasks]


def summaries(tasks: Sequence[Task]) -> list[TaskSummary]:
    found = {row["task"]: row for row in _standings(tasks)}
    runs = Run.objects.filter(task__in=tasks, number=F("task__run"))
    kept = {
        task: (budget, final)
        for task, budget, final in runs.values_list("task", "max_iterations", "final")
    }
    raised = {task: budget for task, (budget, _) in kept.items()}
    won = winners_of({(task.pk, task.run): kept[task.pk][1] for task in tasks if task.pk in kept})
    return [
        _summary(task, found.get(task.pk, {}), raised.get(task.pk), won.get((task.pk, task.run)))
        for task in tasks
    ]


def _standings(tasks: Sequence[Task]) -> Iterable[dict[str, Any]]:
    of_current_run = Experiment.objects.first_times().filter(task__in=tasks, run=F("task__run"))
    finished = [status for status in Experiment.Status if status.is_finished]
    return (
        of_current_run.order_by()
        .values("task")
        .annotate(
            finished=Count("pk", filter=Q(status__in=finished)),
            made=Count("pk"),
            highest=Max("objective_score"),
            lowest=Min("objective_score"),
            baseline=Max("objective_score", filter=Q(number=0)),
        )
    )


def _summary(task: Task, row: dict[str, Any], budget: int | None, won: Best | None) -> TaskSummary:
    best = won or best_by_score(
        task.optimization["objective"], row.get("highest"), row.get("lowest"), row.get("baseline")
    )
    made = row.get("made", 0)
    completed = task.current_status is Task.Status.COMPLETED
    return TaskSummary(
        task=task,
        finished=row.get("finished", 0),
        total=made if completed else max(planned_by_task(task, budget), made),
        best_score=best.score,
        gain=best.gain,
        best_number=best.number,
    )
