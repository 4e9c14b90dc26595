"""Verifications as JSON: for the exports of a run, and for `verify --json`."""

from typing import Any

from django.db.models import Prefetch

from experiments_app.models import Experiment, Measurement
from experiments_app.results import measurement_data
from experiments_app.verification_words import exported
from tasks_app.models import Task
from tasks_app.spec import TaskSpec


def verification_data(execution: Experiment, spec: TaskSpec) -> dict[str, Any]:
    rows = [measurement_data(row) for row in execution.measurements.all()]
    return {
        "task": execution.task.name,
        "run": execution.run,
        **exported(execution, spec),
        "measurements": rows,
    }


def verifications_data(task: Task, run: int, spec: TaskSpec) -> list[dict[str, Any]]:
    """Of all experiments of the run, in the order in which they were asked for."""
    started = Experiment.objects.started_for_run(task, run).verifications().select_related("task")
    figures = Measurement.objects.defer("samples").order_by("pk")
    found = started.prefetch_related(Prefetch("measurements", figures)).order_by("pk")
    return [verification_data(one, spec) for one in found]
