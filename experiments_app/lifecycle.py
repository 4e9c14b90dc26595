"""What a user does to a task: start, restart, pause, cancel, put away. What begins a run wakes
the consumer when it is done; `user` is who did it, None for a command in a terminal."""

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from experiments_app import final, provenance, task_log
from experiments_app.containers.client import DockerUnreachable, connect
from experiments_app.gpu_demand import gpu_problems
from experiments_app.gpus import gpu_count
from experiments_app.launch_plan import launch_problems
from experiments_app.models import Experiment
from experiments_app.recollection import recollect
from experiments_app.scheduler import is_left_to_try
from experiments_app.tasks import wake
from tasks_app.audit import record
from tasks_app.models import StaleState, Task
from tasks_app.problems import Problem, SpecError
from tasks_app.spec import TaskSpec

MOST_MORE = 1_000
"""Experiments by which a run is extended at once."""


def start_task(task: Task, *, wake_consumer: bool = True, user: User | None = None) -> None:
    """Begin the first run. Raises StaleState, or SpecError where this site cannot run the task."""
    task.start(gpus=check_runnable(task), memory=recollect(task.spec), user=user)
    _begun(task, wake_consumer=wake_consumer, user=user)


def restart_task(
    task: Task, *, reuse: bool = True, wake_consumer: bool = True, user: User | None = None
) -> None:
    """Begin a new run of an ended task; its earlier runs stay. Raises as start_task.

    `reuse`: take over what they measured under the same conditions.
    """
    gpus = check_runnable(task)
    task.restart(gpus=gpus, memory=recollect(task.spec), reuse=reuse, user=user)
    _begun(task, wake_consumer=wake_consumer, user=user)


def start_or_restart(task: Task, *, wake_consumer: bool = True, user: User | None = None) -> None:
    """The first run of a new task, a new run of an ended one. Raises as start_task."""
    begin = restart_task if task.current_status.is_finished else start_task
    begin(task, wake_consumer=wake_consumer, user=user)


def cancel_task(task: Task, *, user: User | None = None) -> None:
    """End the task now. Its worker sees that within a second and takes the experiment down.

    Raises StaleState when there is nothing to cancel.
    """
    with transaction.atomic():
        task.cancel(user=user)
        Experiment.objects.executions_of_run(task).cancel_pending()
    task_log.write(task.pk, f"cancelled{_by(user)}", run=task.run)


def pause_task(task: Task, *, message: str = "", user: User | None = None) -> None:
    """Begin no further experiment; the one under way is measured to its end.

    `message` says why, where it is not that somebody wanted it. Raises StaleState where it does
    not run.
    """
    task.pause(message or f"paused{_by(user)}")
    because = f": {message}" if message else ""
    task_log.write(task.pk, f"paused{_by(user)}{because}", run=task.run)


def resume_task(task: Task, *, wake_consumer: bool = True, user: User | None = None) -> None:
    """Go on where it was paused. Raises StaleState where it is not."""
    task.resume()
    task_log.write(task.pk, f"resumed{_by(user)}", run=task.run)
    if wake_consumer:
        transaction.on_commit(lambda: wake(task.pk))


def extend_task(
    task: Task, *, more: int, wake_consumer: bool = True, user: User | None = None
) -> None:
    """Go on with the run that has ended, for `more` further experiments; nothing is repeated.

    Those that a cancel took away are run first. Raises StaleState while it is under way and where
    everything was tried, and SpecError for a number that cannot be, or as start_task.
    """
    if not 1 <= more <= MOST_MORE:
        raise SpecError([Problem("more", f"must be a whole number from 1 to {MOST_MORE:,}")])
    if not task.current_status.is_finished:
        raise StaleState(f"Task {task.name!r} {task.state_words}: only an ended run is extended.")
    run = task.runs.get(number=task.run)
    check_spec(run.task_spec)
    with transaction.atomic():
        experiments = list(Experiment.objects.of_run(task).order_by("number"))
        if Experiment.objects.executions_of_run(task).active().exists():
            raise StaleState(
                f"An experiment of {task.name!r} is being taken down; try again in a few seconds."
            )
        budget = max(len(experiments) - 1, 0) + more
        task.extend(budget)
        Experiment.requeue_cancelled(task)
        final.reopen(run)
        if not is_left_to_try(task.runs.get(number=task.run), experiments):
            raise StaleState(
                f"Everything that the search space of {task.name!r} holds was tried: widen it"
                " and start a new run."
            )
    experiments_words = f"{more} more experiment{'s' if more != 1 else ''}"
    task_log.write(task.pk, f"goes on for {experiments_words}{_by(user)}", run=task.run)
    if wake_consumer:
        transaction.on_commit(lambda: wake(task.pk))


def archive_task(task: Task, *, user: User | None = None) -> None:
    """Raises StaleState while it runs, and where it is archived already."""
    task.archive()
    task_log.write(task.pk, f"archived{_by(user)}", run=task.run)


def bring_back_task(task: Task, *, user: User | None = None) -> None:
    """Raises StaleState where it is not archived."""
    task.bring_back()
    task_log.write(task.pk, f"brought back{_by(user)}", run=task.run)


def requeue_experiment(experiment: Experiment, *, user: User | None = None) -> None:
    """Try a failed experiment again while its run goes on. Raises StaleState."""
    with transaction.atomic():
        experiment.requeue()
        record("experiment.requeued", experiment, user=user)
    task_log.write(
        experiment.task_id,
        f"to be run again{_by(user)}",
        run=experiment.run,
        number=experiment.number,
    )
    transaction.on_commit(lambda: wake(experiment.task_id))


def check_runnable(task: Task) -> int:
    """How many GPUs a configuration can have here, which is what a run of it holds to.

    Raises SpecError where this site cannot run the task, before anything is started.
    """
    return check_spec(task.spec)


def check_spec(spec: TaskSpec) -> int:
    """The same for what a run is held to."""
    if problem := _too_many():
        raise SpecError([problem])
    gpus = gpu_count()
    problems = [*launch_problems(spec), *gpu_problems(spec, gpus)]
    if spec.deployment_mode == "docker":
        problems += _docker_problems()
    if problems:
        raise SpecError(problems)
    return gpus


def _too_many() -> Problem | None:
    limit, count = settings.MAX_RUNNING_TASKS, Task.objects.under_way().count()
    if not limit or count < limit:
        return None
    return Problem(
        "task_name",
        f"{count} tasks run or wait already, {limit} may (MAX_RUNNING_TASKS)",
        "wait until one has ended, or cancel one",
    )


def _docker_problems() -> list[Problem]:
    try:
        with connect():
            return []
    except DockerUnreachable as error:
        return [Problem("deployment_mode", error.message, error.remedy)]


def _begun(task: Task, *, wake_consumer: bool, user: User | None) -> None:
    provenance.record(task)
    task_log.write(task.pk, f"started{_by(user)}: {task.name}", run=task.run)
    if wake_consumer:
        transaction.on_commit(lambda: wake(task.pk))


def _by(user: User | None) -> str:
    return f" by {user.get_username()}" if user else ""
