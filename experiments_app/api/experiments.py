"""Experiments with what was measured, and the logs of their servers."""

from pathlib import Path

from ninja import Query
from pydantic import Field

from experiments_app.api import shapes
from experiments_app.api.auth import ApiRequest
from experiments_app.api.errors import ApiError
from experiments_app.api.finding import experiment_or_404, run_or_404, task_or_404
from experiments_app.api.logs import LogQuery, log_part
from experiments_app.api.pages import Slice, page_of
from experiments_app.api.routing import ApiRouter
from experiments_app.api.schemas import (
    ExperimentOut,
    ExperimentPage,
    ExperimentStatus,
    LogPart,
    MeasurementList,
)
from experiments_app.models import Experiment

router = ApiRouter(tags=["experiments"])
of_tasks = ApiRouter(tags=["experiments"])
MAX_ID = 10**15


class ExperimentQuery(Slice):
    task: int | None = Field(None, ge=1, le=MAX_ID)
    run: int | None = Field(None, ge=1, le=MAX_ID)
    status: ExperimentStatus | None = None
    feasible: bool | None = None


class OfTaskQuery(Slice):
    run: int | None = Field(None, ge=1, le=MAX_ID, description="The current run if left out.")
    status: ExperimentStatus | None = None


@router.call("GET", "", answer=ExperimentPage, errors=(422,))
def list_experiments(request: ApiRequest, asked: Query[ExperimentQuery]) -> object:
    """List experiments of all tasks, the newest first.

    Each as it was measured first: what measured it again is among its measurements.
    """
    names = {
        "task": asked.task,
        "run": asked.run,
        "status": asked.status,
        "feasible": asked.feasible,
    }
    wanted = {name: value for name, value in names.items() if value is not None}
    rows = Experiment.objects.first_times().filter(**wanted).order_by("-pk")
    return page_of(request, rows, asked, shapes.experiments_data)


@of_tasks.call("GET", "/{int:task_id}/experiments", answer=ExperimentPage, errors=(404, 422))
def list_experiments_of_task(
    request: ApiRequest, task_id: int, asked: Query[OfTaskQuery]
) -> object:
    """List the experiments of a run, by their numbers.

    Number 0 is the default: the server's own flags, and the fixed ones.
    """
    task = task_or_404(task_id)
    rows = Experiment.objects.of_run(task, run_or_404(task, asked.run))
    if asked.status:
        rows = rows.filter(status=asked.status)
    return page_of(request, rows.order_by("number"), asked, shapes.experiments_data)


@router.call("GET", "/{int:experiment_id}", answer=ExperimentOut, errors=(404,))
def read_experiment(request: ApiRequest, experiment_id: int) -> object:
    """Read an experiment with all that was measured."""
    return shapes.experiments_data([experiment_or_404(experiment_id).pk])[0]


@router.call("GET", "/{int:experiment_id}/measurements", answer=MeasurementList, errors=(404,))
def list_measurements(request: ApiRequest, experiment_id: int) -> object:
    """List what an experiment measured, a row for each repeat and load level."""
    found = shapes.experiments_data([experiment_or_404(experiment_id).pk])[0]
    return {"items": found["measurements"]}


@router.call("GET", "/{int:experiment_id}/log", answer=LogPart, errors=(404, 422))
def read_experiment_log(request: ApiRequest, experiment_id: int, asked: Query[LogQuery]) -> object:
    """Read the log of the inference server, or what was added to it."""
    experiment = experiment_or_404(experiment_id)
    if not experiment.log_path:
        raise ApiError(404, f"Experiment {experiment_id} has no log (yet).")
    is_over = experiment.current_status.is_finished
    return log_part(Path(experiment.log_path), asked, is_over=is_over)
