"""What a user does to a task: start, restart, cancel. Each wakes the consumer when it is done."""

from django.db import transaction

from experiments_app import task_log
from experiments_app.engines import ENGINES
from experiments_app.launch_plan import launch_problems
from experiments_app.models import Experiment
from experiments_app.tasks import work_on
from tasks_app.models import Task
from tasks_app.problems import Problem, SpecError


def start_task(task: Task, *, wake_consumer: bool = True) -> None:
    """Begin the first run. Raises StaleState, or SpecError where this site cannot run the task."""
    check_runnable(task)
    task.start()
    _begun(task, wake_consumer=wake_consumer)


def restart_task(task: Task, *, wake_consumer: bool = True) -> None:
    """Begin a new run of an ended task; its earlier runs stay. Raises as start_task."""
    check_runnable(task)
    task.restart()
    _begun(task, wake_consumer=wake_consumer)


def start_or_restart(task: Task, *, wake_consumer: bool = True) -> None:
    """The first run of a new task, a new run of an ended one. Raises as start_task."""
    begin = restart_task if task.current_status.is_finished else start_task
    begin(task, wake_consumer=wake_consumer)


def cancel_task(task: Task) -> None:
    """End the task now. Its worker sees that within a second and takes the experiment down.

    Raises StaleState when there is nothing to cancel.
    """
    with transaction.atomic():
        task.cancel()
        Experiment.objects.of_run(task).cancel_pending()
    task_log.write(task.pk, "cancelled", run=task.run)


def check_runnable(task: Task) -> None:
    """Raises SpecError where this site cannot run the task, before anything is started."""
    problems = []
    if task.deployment_mode not in ENGINES:
        offered = ", ".join(sorted(ENGINES))
        message = f"{task.deployment_mode!r} is not available on this site"
        problems.append(Problem("deployment_mode", message, f"use {offered}"))
    problems += launch_problems(task.spec)
    if problems:
        raise SpecError(problems)


def _begun(task: Task, *, wake_consumer: bool) -> None:
    task_log.write(task.pk, f"started: {task.name}", run=task.run)
    if wake_consumer:
        transaction.on_commit(lambda: wake(task.pk))


def wake(task_pk: int) -> None:
    """Tell the consumer that there is something to do. A lost or doubled call changes nothing."""
    work_on(task_pk)
