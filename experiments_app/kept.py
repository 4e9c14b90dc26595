"""The experiments of a run as its pages need them; what has ended of a long run is read once."""

from datetime import datetime
from functools import lru_cache

from experiments_app.models import Experiment
from tasks_app.models import Task

# What no part of a run's page needs of every experiment: it is read where it is asked for.
SELDOM_NEEDED = (
    "command",
    "image_digest",
    "engine_version",
    "driver_version",
    "container_id",
    "log_path",
    "result_folder",
    "port",
    "attempt",
    "created_at",
    "owner_token",
    "owner_host",
    "owner_pid",
    "owner_started",
    "lease_expires_at",
)
FINISHED = tuple(status for status in Experiment.Status if status.is_finished)
KEPT_FROM = 200
KEPT_RUNS = 6


def experiments_of(
    task: Task,
    run: int,
    *,
    made: int,
    finished: int,
    last_ended_at: datetime | None,
    final: str = "",
) -> tuple[Experiment, ...]:
    """All of the run in their order; the counts tell what there is.

    An experiment that has ended changes only by being tried again: then fewer have ended, and
    when it ends once more it does so later. Or its score does, where it is measured again: then
    `final`, which tells how far that is, differs, or a repeat of it ended later.
    """
    of_run = (
        Experiment.objects.of_run(task, run).defer(*SELDOM_NEEDED).with_source().order_by("number")
    )
    if finished < KEPT_FROM or last_ended_at is None:
        return tuple(of_run)
    ended = _ended(task.pk, run, finished, last_ended_at, final)
    if made == finished:
        return ended
    known = {experiment.pk for experiment in ended}
    others = [e for e in of_run.exclude(status__in=FINISHED) if e.pk not in known]
    return tuple(sorted((*ended, *others), key=lambda experiment: experiment.number))


def repeats_of(task: Task, run: int) -> tuple[Experiment, ...]:
    """What measured an experiment of the run again, by number and then in order."""
    repeats = Experiment.objects.executions_of_run(task, run).filter(repeat__gt=1)
    return tuple(repeats.defer(*SELDOM_NEEDED).order_by("number", "repeat"))


@lru_cache(maxsize=KEPT_RUNS)
def _ended(
    task_pk: int, run: int, finished: int, last_ended_at: datetime, final: str
) -> tuple[Experiment, ...]:
    del finished, last_ended_at, final  # with them the answer changes
    ended = Experiment.objects.first_times().filter(task=task_pk, run=run, status__in=FINISHED)
    return tuple(ended.defer(*SELDOM_NEEDED).with_source().order_by("number"))
