"""Deleting a task with its experiments and all the files they left."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction

from experiments_app import task_log
from experiments_app.models import Experiment
from tasks_app.models import StaleState, Task


def delete_task(task: Task) -> None:
    """Raises StaleState while it runs, or while a worker still takes its experiment down."""
    with transaction.atomic():
        if Task.objects.running().filter(pk=task.pk).exists():
            raise StaleState(f"Task {task.name!r} is running; cancel it first.")
        if Experiment.objects.active().filter(task=task).exists():
            raise StaleState(
                f"An experiment of {task.name!r} is being taken down; try again in a few seconds."
            )
        Task.objects.filter(pk=task.pk).delete()
    shutil.rmtree(Path(settings.HOME.results) / f"task_{task.pk}", ignore_errors=True)
    task_log.path_of(task.pk).unlink(missing_ok=True)
