"""Huey jobs. The database is the truth and a job only a wake-up: lost or doubled, no harm."""

import logging
import sqlite3

from django.conf import settings
from django.db.models import F, Min, Q
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task
from redis import RedisError

from experiments_app import reaper, retention
from experiments_app.datasets import taking
from experiments_app.disk_watch import hold_for_room
from experiments_app.models import Experiment
from experiments_app.monitoring.queue_lag import note_job
from experiments_app.notifications.sender import Sender
from experiments_app.notifications.stuck import note_stuck
from experiments_app.parent_death import die_with_parent, let_children_end_on_sigterm
from experiments_app.runner import run_experiment
from experiments_app.scheduler import advance
from tasks_app.masking import mask_urls
from tasks_app.models import Task

logger = logging.getLogger(__name__)
_sender = Sender()


@db_task()
def work_on(task_pk: int) -> None:
    """Run the task's next experiment, then wake whoever may go on."""
    experiment = None if hold_for_room() else advance(task_pk)
    if experiment is None:
        return
    has_run = True  # also where it ends in an exception
    try:
        has_run = run_experiment(experiment.pk)
    finally:
        if has_run:
            wake_all()


@db_task()
def work_on_verification(experiment_pk: int) -> None:
    """Run a verification, then wake whoever may go on."""
    waiting = Experiment.objects.may_begin().filter(pk=experiment_pk)
    if not waiting.exists() or hold_for_room():  # it has run, or is gone
        return
    has_run = True
    try:
        has_run = run_experiment(experiment_pk)
    finally:
        if has_run:
            wake_all()


def wake_verification(experiment_pk: int) -> None:
    """As `wake`."""
    try:
        work_on_verification(experiment_pk)
    except (RedisError, sqlite3.Error, OSError) as error:
        told = mask_urls(str(error))
        logger.warning("experiment %d: the queue cannot be reached: %s", experiment_pk, told)


def wake(task_pk: int) -> None:
    """Tell the consumer that there is something to do. A lost or doubled call changes nothing: a
    queue that cannot be reached now is asked again by `tick`, once it is back."""
    try:
        work_on(task_pk)
    except (RedisError, sqlite3.Error, OSError) as error:
        logger.warning("task %d: the queue cannot be reached: %s", task_pk, mask_urls(str(error)))


@db_task()
def take_dataset(pk: int) -> None:
    """Fetch and read what somebody sent or named; a second job for the same one does nothing."""
    taking.take(pk)


def wake_dataset(pk: int) -> None:
    """As `wake`: `tick` asks again for what waits."""
    try:
        take_dataset(pk)
    except (RedisError, sqlite3.Error, OSError) as error:
        logger.warning("data set %d: the queue cannot be reached: %s", pk, mask_urls(str(error)))


@db_periodic_task(crontab(minute="*"))
def tick() -> None:
    """Take back what dead workers left, and repair lost wake-ups."""
    reaper.reap()
    hold_for_room()
    wake_all()
    note_stuck()
    taking.mend(wake_dataset)


@db_periodic_task(crontab(hour="3", minute="17"))
def prune_old() -> None:
    """Remove what the settings no longer keep, and give the disk back what that frees."""
    done = retention.prune()
    if done.anything:
        logger.info("removed by age: %s", done)
    retention.vacuum()


def wake_all() -> None:
    """One job for each verification, for which somebody waits, and each running task, the one that
    waits longest for a device first."""
    for experiment_pk in (
        Experiment.objects.may_begin().verifications().values_list("pk", flat=True)
    ):
        wake_verification(experiment_pk)
    waiting_since = Min(
        "experiments__created_at",
        filter=Q(experiments__status=Experiment.Status.PENDING)
        & ~Q(experiments__purpose=Experiment.Purpose.VERIFY),
    )
    running = Task.objects.running().annotate(since=waiting_since)
    for task_pk in running.order_by(F("since").asc(nulls_last=True)).values_list("pk", flat=True):
        wake(task_pk)


@settings.HUEY.on_startup()
def take_over() -> None:
    """A worker starts: it ends with its parent, and cleans up after a consumer that was killed."""
    die_with_parent()
    let_children_end_on_sigterm()  # huey has its workers ignore it
    note_job()
    reaper.reap()
    wake_all()


@settings.HUEY.on_startup()
def begin_to_send() -> None:
    """Beside its jobs, and no job itself: it would wait while every worker measures."""
    _sender.start()


@settings.HUEY.on_shutdown()
def stop_sending() -> None:
    _sender.stop()
