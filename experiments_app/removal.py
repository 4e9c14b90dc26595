"""Deleting a task with its experiments and all the files they left."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from experiments_app import task_log
from experiments_app.models import Experiment, Measurement
from tasks_app.audit import record
from tasks_app.labels import forget_unused
from tasks_app.models import StaleState, Task


@dataclass(frozen=True)
class Losses:
    """What goes with a task when it is deleted; `why_not` where it cannot be now."""

    runs: int
    experiments: int
    measurements: int
    files: int
    size_bytes: int
    why_not: str = ""

    @classmethod
    def of(cls, task: Task) -> "Losses":
        sizes = [file.stat().st_size for file in files_of(task) if file.is_file()]
        return cls(
            runs=task.runs.count(),
            experiments=Experiment.objects.filter(task=task).count(),
            measurements=Measurement.objects.filter(experiment__task=task).count(),
            files=len(sizes),
            size_bytes=sum(sizes),
            why_not=why_not_deleted(task),
        )


def why_not_deleted(task: Task) -> str:
    """Empty where nothing works on it."""
    if status := Task.objects.under_way().filter(pk=task.pk).values_list("status").first():
        return f"Task {task.name!r} is {status[0]}; cancel it first."
    active = Experiment.objects.active().filter(task=task)
    if active.verifications().filter(cancel_asked_at=None).exists():
        return f"An experiment of {task.name!r} is being verified; cancel that first."
    if active.exists():
        return f"An experiment of {task.name!r} is being taken down; try again in a few seconds."
    return ""


def delete_task(task: Task) -> None:
    """Raises StaleState while it runs, or while a worker still takes its experiment down."""
    with transaction.atomic():
        if reason := why_not_deleted(task):
            raise StaleState(reason)
        record("task.deleted", task)
        Task.objects.filter(pk=task.pk).delete()
        forget_unused()
    shutil.rmtree(results_of(task), ignore_errors=True)
    task_log.path_of(task.pk).unlink(missing_ok=True)


def results_of(task: Task) -> Path:
    return Path(settings.HOME.results) / f"task_{task.pk}"


def files_of(task: Task) -> list[Path]:
    return [task_log.path_of(task.pk), *results_of(task).rglob("*")]
