"""Runs a task's experiments in this process, one after the other."""

import time

from experiments_app.reaper import reap
from experiments_app.runner import run_experiment
from experiments_app.scheduler import advance
from tasks_app.models import Task

WAIT_S = 0.5
REAP_EVERY_S = 5.0


def run_in_foreground(task: Task) -> None:
    """Until the task's current run has ended.

    A consumer on this host may take an experiment of it first; then that one is waited for, and
    taken back if the consumer dies.
    """
    run = task.run
    reaped_at = time.monotonic()
    while Task.objects.filter(pk=task.pk, run=run, status=Task.Status.RUNNING).exists():
        experiment = advance(task.pk)
        if experiment is not None and not run_experiment(experiment.pk):
            time.sleep(WAIT_S)
            if time.monotonic() - reaped_at > REAP_EVERY_S:
                reap()
                reaped_at = time.monotonic()
