"""What a user does to a task: start, restart, cancel. Each wakes the consumer when it is done."""

from django.db import transaction

from experiments_app import task_log
from experiments_app.containers.client import DockerUnreachable, connect
from experiments_app.gpu_demand import gpu_problems
from experiments_app.gpus import gpu_count
from experiments_app.launch_plan import launch_problems
from experiments_app.models import Experiment
from experiments_app.tasks import work_on
from tasks_app.models import Task
from tasks_app.problems import Problem, SpecError


def start_task(task: Task, *, wake_consumer: bool = True) -> None:
    """Begin the first run. Raises StaleState, or SpecError where this site cannot run the task."""
    task.start(gpus=check_runnable(task))
    _begun(task, wake_consumer=wake_consumer)


def restart_task(task: Task, *, wake_consumer: bool = True) -> None:
    """Begin a new run of an ended task; its earlier runs stay. Raises as start_task."""
    task.restart(gpus=check_runnable(task))
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


def check_runnable(task: Task) -> int:
    """How many GPUs a configuration can have here, which is what a run of it holds to.

    Raises SpecError where this site cannot run the task, before anything is started.
    """
    spec, gpus = task.spec, gpu_count()
    problems = [*launch_problems(spec), *gpu_problems(spec, gpus)]
    if task.deployment_mode == "docker":
        problems += _docker_problems()
    if problems:
        raise SpecError(problems)
    return gpus


def _docker_problems() -> list[Problem]:
    try:
        with connect():
            return []
    except DockerUnreachable as error:
        return [Problem("deployment_mode", error.message, error.remedy)]


def _begun(task: Task, *, wake_consumer: bool) -> None:
    task_log.write(task.pk, f"started: {task.name}", run=task.run)
    if wake_consumer:
        transaction.on_commit(lambda: wake(task.pk))


def wake(task_pk: int) -> None:
    """Tell the consumer that there is something to do. A lost or doubled call changes nothing."""
    work_on(task_pk)
