"""The row that an address names, or a 404 that says which one is not there."""

from experiments_app.api.errors import ApiError
from experiments_app.models import Experiment
from tasks_app.models import Run, Task


def task_or_404(pk: int) -> Task:
    task = Task.objects.filter(pk=pk).first()
    if task is None:
        raise ApiError(404, f"There is no task {pk}.")
    return task


def run_or_404(task: Task, number: int | None) -> int:
    """The number of a run of the task: its current one where none is asked for."""
    if number is None:
        return task.run
    if not Run.objects.filter(task=task, number=number).exists():
        raise ApiError(404, f"Task {task.pk} has no run {number}.")
    return number


def experiment_or_404(pk: int) -> Experiment:
    experiment = Experiment.objects.select_related("task").filter(pk=pk).first()
    if experiment is None:
        raise ApiError(404, f"There is no experiment {pk}.")
    return experiment
