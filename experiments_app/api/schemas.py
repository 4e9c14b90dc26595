"""The shapes of answers, with the field names of the task file, the database and the pages."""

from datetime import datetime
from typing import Any, Literal

from django.db import models
from pydantic import BaseModel, ConfigDict, Field, create_model

from experiments_app.models import Measurement
from experiments_app.results import MEASUREMENT_FIELDS

Json = dict[str, Any]
TaskStatus = Literal["pending", "running", "paused", "completed", "failed", "cancelled"]
ExperimentStatus = Literal[
    "pending", "deploying", "benchmarking", "success", "failed", "pruned", "cancelled"
]


class ProblemOut(BaseModel):
    path: str = Field(description="The place, as `optimization.max_iterations`; empty: the whole.")
    message: str
    hint: str = Field("", description="What would be right, where that can be told.")


class ErrorOut(BaseModel):
    model_config = ConfigDict(extra="allow")

    kind: str = Field(description="One word that programs can go by; one for each status.")
    message: str
    problems: list[ProblemOut]


class ErrorAnswer(BaseModel):
    error: ErrorOut


class Page(BaseModel):
    """`next` and `previous` are addresses to ask for; null at the ends."""

    count: int
    limit: int
    offset: int
    next: str | None
    previous: str | None


class BestExperiment(BaseModel):
    id: int
    run: int
    number: int
    status: str
    parameters: Json
    feasible: bool | None
    objective_score: float | None
    scores: Json


class TaskFileOut(BaseModel):
    """The task file; secrets of `environment` and `access` are masked."""

    task_name: str
    description: str
    deployment_mode: str
    base_runtime: str
    runtime_image_tag: str | None
    runtime_image: str | None
    model: Json
    parameters: Json
    fixed_parameters: Json
    constraints: list[str]
    optimization: Json
    slo: Json
    benchmark: Json
    environment: Json
    use_gpus: bool
    container: Json
    readiness: Json
    access: Json
    quality: Json
    cost: Json


class TaskState(BaseModel):
    """What the site knows of a task besides its file."""

    id: int
    version: int = Field(description="Of the task file: counts up with each change of it.")
    status: TaskStatus
    message: str
    run: int
    labels: list[str]
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    archived_at: datetime | None
    elapsed_s: float | None
    experiments_finished: int
    experiments_planned: int
    best_experiment: BestExperiment | None
    gain: float | None = Field(description="Of the best over the default, as a ratio minus 1.")


class TaskOut(TaskFileOut, TaskState):
    """A task: its file and its state, alike in the list and alone."""


class TaskSaved(TaskOut):
    warnings: list[ProblemOut]


class TaskPage(Page):
    items: list[TaskOut]


class ReportProblem(BaseModel):
    path: str
    message: str
    suggestion: str


class ValidationReport(BaseModel):
    """What `manage.py validate --json` prints; the plan stands in it where the task is valid."""

    model_config = ConfigDict(extra="allow")

    valid: bool
    problems: list[ReportProblem]
    warnings: list[ReportProblem]


class RunOut(BaseModel):
    number: int
    status: TaskStatus
    message: str
    started_at: datetime
    completed_at: datetime | None
    started_by: str | None
    elapsed_s: float


class RunList(BaseModel):
    items: list[RunOut]


def _measurement_model() -> type[BaseModel]:
    """A column's name and type as the database has them: a new column is there by itself."""
    kinds: dict[type[models.Field[Any, Any]], Any] = {
        models.FloatField: float,
        models.PositiveIntegerField: int,
        models.BooleanField: bool,
        models.CharField: str,
        models.JSONField: Json,
    }
    fields: dict[str, Any] = {}
    for name in MEASUREMENT_FIELDS:
        column: Any = Measurement._meta.get_field(name)
        kind = next((kinds[one] for one in type(column).__mro__ if one in kinds), Any)
        fields[name] = (kind | None if column.null and kind is not Any else kind, ...)
    return create_model("MeasurementOut", **fields, intervals=(Json, ...))


MeasurementOut = _measurement_model()


class MeasurementList(BaseModel):
    items: list[MeasurementOut]  # type: ignore[valid-type]


class ExperimentOut(BaseModel):
    """As in the results of a run, with where and when it ran."""

    model_config = ConfigDict(extra="allow")

    id: int
    task: int
    run: int
    number: int
    repeat: int
    purpose: str
    status: ExperimentStatus
    parameters: Json
    reason: str
    repair_of: int | None
    reused_from: str | None
    feasible: bool | None
    objective_score: float | None
    slo_excess: float | None
    scores: Json
    bound: float | None
    load_search: Json | None
    quality: Any
    error_kind: str | None
    error: str | None
    command: list[str]
    image_digest: str
    engine_version: str
    driver_version: str
    gpu_ids: list[Any]
    port: int | None
    container_id: str
    phases_s: dict[str, float | None]
    progress: Json
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    measurements: list[MeasurementOut]  # type: ignore[valid-type]


class ExperimentPage(Page):
    items: list[ExperimentOut]


class LogPart(BaseModel):
    """Bytes `offset` to `next_offset` of a log, as text. Ask again from `next_offset` until it is
    `finished`."""

    text: str
    offset: int = Field(description="0 where the log is shorter than was asked: it was cleared.")
    next_offset: int
    finished: bool = Field(description="All is read, and nothing is added any more.")


class TokenOut(BaseModel):
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None


class Me(BaseModel):
    username: str
    role: str
    token: TokenOut | None = Field(description="Null where the browser's session was used.")
