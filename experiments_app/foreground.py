"""Runs a task's experiments, or a verification, in this process."""

import time

from experiments_app import consumer
from experiments_app.disk_watch import hold_for_room
from experiments_app.models import Experiment
from experiments_app.notifications.deliver import send_due
from experiments_app.reaper import reap
from experiments_app.runner import run_experiment
from experiments_app.scheduler import advance
from tasks_app.models import Task

WAIT_S = 0.5
REAP_EVERY_S = 5.0


def run_in_foreground(task: Task) -> None:
    """Until the task's current run has ended; while it is paused, it waits.

    A consumer on this host may take an experiment of it first; then that one is waited for, and
    taken back if the consumer dies.
    """
    run = task.run
    reaped_at = time.monotonic()
    while not _has_ended(task, run):
        experiment = None if hold_for_room() else advance(task.pk)
        if not (run_experiment(experiment.pk) if experiment else _has_ended(task, run)):
            time.sleep(WAIT_S)
            if time.monotonic() - reaped_at > REAP_EVERY_S:
                reap()
                reaped_at = time.monotonic()
    if not consumer.is_alive():  # else it sends what there is to tell
        send_due()


def run_verification(execution: Experiment) -> None:
    """Until it has ended, whoever runs it: a consumer on this host may be first."""
    reaped_at = time.monotonic()
    while Experiment.objects.unfinished().filter(pk=execution.pk).exists():
        if hold_for_room() or not run_experiment(execution.pk):
            time.sleep(WAIT_S)
            if time.monotonic() - reaped_at > REAP_EVERY_S:
                reap()
                reaped_at = time.monotonic()


def _has_ended(task: Task, run: int) -> bool:
    return not Task.objects.under_way().filter(pk=task.pk, run=run).exists()
