"""Rows as the API shows them; any number of them with the same few queries."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F, Prefetch

from experiments_app.models import Experiment, Measurement
from experiments_app.results import experiment_data
from experiments_app.task_list import TaskSummary, listed, summaries
from tasks_app.masking import masked_document
from tasks_app.models import Run, Task

STARTED = ("image_digest", "engine_version", "driver_version", "gpu_ids", "port", "container_id")
TIMES = ("created_at", "started_at", "completed_at")


def tasks_data(pks: Sequence[int]) -> list[dict[str, Any]]:
    found = summaries(listed(pks))
    best = _best_experiments(found)
    return [_task_data(summary, best.get(summary.task.pk)) for summary in found]


def task_data(task: Task) -> dict[str, Any]:
    return tasks_data([task.pk])[0]


def _task_data(summary: TaskSummary, best: Experiment | None) -> dict[str, Any]:
    task = summary.task
    return {
        **masked_document(task.spec_data()),
        "id": task.pk,
        "version": task.version,
        "status": task.status,
        "message": task.message,
        "run": task.run,
        "labels": [label.name for label in task.labels.all()],
        "created_by": task.created_by.get_username() if task.created_by else None,
        **{name: getattr(task, name) for name in ("updated_at", "archived_at", *TIMES)},
        "elapsed_s": summary.elapsed_s,
        "experiments_finished": summary.finished,
        "experiments_planned": summary.total,
        "best_experiment": _best_data(best) if best else None,
        "gain": summary.gain,
    }


def _best_data(experiment: Experiment) -> dict[str, Any]:
    names = ("run", "number", "status", "parameters", "feasible", "objective_score", "scores")
    return {"id": experiment.pk, **{name: getattr(experiment, name) for name in names}}


def _best_experiments(found: Sequence[TaskSummary]) -> Mapping[int, Experiment]:
    """By task, the experiment that has the best score of the current run. One query."""
    wanted = {s.task.pk: s for s in found if s.best_score is not None}
    rows = Experiment.objects.first_times().filter(
        task__in=wanted,
        run=F("task__run"),
        objective_score__in={s.best_score for s in wanted.values()},
    )
    best: dict[int, Experiment] = {}
    for row in rows.order_by("number"):
        summary = wanted[row.task_id]
        is_named = summary.best_number in (None, row.number)
        if is_named and row.objective_score == summary.best_score:
            best.setdefault(row.task_id, row)
    return best


def experiments_data(pks: Sequence[int]) -> list[dict[str, Any]]:
    figures = Measurement.objects.defer("samples").order_by("pk")
    rows = (
        Experiment.objects.with_source()
        .select_related("repair_of")
        .prefetch_related(Prefetch("measurements", figures))
        .in_bulk(pks)
    )
    return [_experiment_data(rows[pk]) for pk in pks if pk in rows]


def _experiment_data(experiment: Experiment) -> dict[str, Any]:
    return {
        **experiment_data(experiment),
        "id": experiment.pk,
        "task": experiment.task_id,
        "reason": experiment.reason,
        **{name: getattr(experiment, name) for name in ("run", "repeat", "purpose", "slo_excess")},
        **{name: getattr(experiment, name) for name in (*STARTED, "progress", *TIMES)},
    }


def run_data(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "status": run.status,
        "message": run.message,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "started_by": run.started_by.get_username() if run.started_by else None,
        "elapsed_s": run.elapsed.total_seconds(),
    }
