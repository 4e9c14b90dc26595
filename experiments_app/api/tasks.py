"""Tasks: listed, read, written, checked, deleted."""

from typing import Annotated, Literal

from django.db.models import QuerySet
from django.http import HttpResponse
from ninja import Query
from pydantic import Field

from experiments_app.api import shapes, task_documents
from experiments_app.api.auth import ApiRequest
from experiments_app.api.documents import read_mapping
from experiments_app.api.errors import problem_data
from experiments_app.api.examples import IF_MATCH, PATCH_BODY, TASK_BODY, UNCHECKED_BODY
from experiments_app.api.finding import task_or_404
from experiments_app.api.pages import Slice, page_of
from experiments_app.api.routing import OF_BODIES, ApiRouter
from experiments_app.api.schemas import (
    RunList,
    TaskOut,
    TaskPage,
    TaskSaved,
    TaskStatus,
    ValidationReport,
)
from experiments_app.gpus import gpu_count
from experiments_app.plan import accepted_report, make_plan, refused_report
from experiments_app.removal import delete_task
from experiments_app.task_order import ordered
from tasks_app.list_filter import LONGEST_SEARCH, filtered
from tasks_app.models import Task
from tasks_app.problems import SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.taskfile import check_task

router = ApiRouter(tags=["tasks"])

SORTS = {
    "created_at": "created",
    "updated_at": "updated",
    "task_name": "name",
    "base_runtime": "runtime",
    "status": "status",
    "created_by": "owner",
    "gain": "gain",
    "elapsed_s": "elapsed",
}
"""The fields that the list can be sorted by, with the names that the page has for them."""
Sort = Literal[
    "created_at", "-created_at", "updated_at", "-updated_at", "task_name", "-task_name",
    "base_runtime", "-base_runtime", "status", "-status", "created_by", "-created_by",
    "gain", "-gain", "elapsed_s", "-elapsed_s",
]  # fmt: skip
Text = Annotated[str, Field(max_length=LONGEST_SEARCH, pattern=r"^[^\x00]*$")]


class TaskQuery(Slice):
    """The filters of the page; several hold together."""

    q: Text = Field("", description="In the name, the description or the model.")
    status: TaskStatus | None = None
    base_runtime: Text = ""
    label: Text = ""
    created_by: Text = ""
    archived: Literal["no", "yes", "all"] = "no"
    sort: Sort = "-created_at"

    def tasks(self) -> QuerySet[Task]:
        asked = {
            "q": self.q,
            "status": self.status,
            "runtime": self.base_runtime,
            "label": self.label,
            "owner": self.created_by,
            "archived": self.archived,
        }
        minus = "-" if self.sort.startswith("-") else ""
        return ordered(filtered(Task.objects.all(), asked), minus + SORTS[self.sort.lstrip("-")])


@router.call("GET", "", answer=TaskPage, errors=(422,))
def list_tasks(request: ApiRequest, asked: Query[TaskQuery]) -> object:
    """List tasks.

    With the filters and the orders of the page. `best_experiment` is that of the current run.
    """
    return page_of(request, asked.tasks(), asked, shapes.tasks_data)


@router.call("POST", "", answer=TaskSaved, status=201, errors=(409, *OF_BODIES), extra=TASK_BODY)
def create_task(request: ApiRequest, response: HttpResponse) -> object:
    """Create a task.

    The body is a task file, as JSON or as YAML; it is checked as the form and the import do it.
    `warnings` says what to know before it is started.
    """
    task, warnings = task_documents.create(read_mapping(request, yaml=True), request.user)
    response.headers["Location"] = f"{request.path}/{task.pk}"
    return _with_etag(response, task) | {"warnings": [problem_data(w) for w in warnings]}


@router.call("POST", "/validate", answer=ValidationReport, errors=OF_BODIES, extra=UNCHECKED_BODY)
def validate_task_file(request: ApiRequest) -> object:
    """Check a task file without saving it.

    Every problem, or the plan: configurations, estimated time, the first command lines; what
    `manage.py validate --json` prints.
    """
    return _report(read_mapping(request, yaml=True))


@router.call("GET", "/{int:task_id}", answer=TaskOut, errors=(404,))
def read_task(request: ApiRequest, response: HttpResponse, task_id: int) -> object:
    """Read a task.

    The header ETag is its version, for If-Match.
    """
    return _with_etag(response, task_or_404(task_id))


@router.call(
    "PUT",
    "/{int:task_id}",
    answer=TaskSaved,
    errors=(404, 409, *OF_BODIES),
    extra=TASK_BODY | {"parameters": [IF_MATCH]},
)
def replace_task(request: ApiRequest, response: HttpResponse, task_id: int) -> object:
    """Replace a task as a whole.

    The body is the whole task file; a key that is left out has its default. The version that it was
    made on stands in it as `version`, or in the header If-Match. Where another was stored since,
    the answer is 409 with both. What else a task has when it is read may be sent back and is not
    looked at. A secret's mask stands for the secret that is stored.
    """
    task = task_or_404(task_id)
    document = read_mapping(request, yaml=True)
    warnings = task_documents.replace(task, document, request, request.user)
    return _with_etag(response, task) | {"warnings": [problem_data(w) for w in warnings]}


@router.call(
    "PATCH",
    "/{int:task_id}",
    answer=TaskOut,
    errors=(404, 409, *OF_BODIES),
    extra=PATCH_BODY | {"parameters": [IF_MATCH]},
)
def edit_task_details(request: ApiRequest, response: HttpResponse, task_id: int) -> object:
    """Change name, description or labels.

    Also while it runs: none of them changes what is measured. Everything else is changed by PUT.
    """
    task = task_or_404(task_id)
    task_documents.edit(task, read_mapping(request), request, request.user)
    return _with_etag(response, task)


@router.call("DELETE", "/{int:task_id}", answer=None, status=204, errors=(404, 409))
def delete_task_with_results(request: ApiRequest, task_id: int) -> None:
    """Delete a task with its experiments and files.

    Not while it runs.
    """
    delete_task(task_or_404(task_id))


@router.call("POST", "/{int:task_id}/validate", answer=ValidationReport, errors=(404,))
def validate_task(request: ApiRequest, task_id: int) -> object:
    """Check a saved task as it would be run now."""
    return _report(task_or_404(task_id).spec_data())


@router.call("GET", "/{int:task_id}/runs", answer=RunList, errors=(404,))
def list_runs(request: ApiRequest, task_id: int) -> object:
    """List the runs of a task, the newest first."""
    runs = task_or_404(task_id).runs.select_related("started_by").order_by("-number")
    return {"items": [shapes.run_data(run) for run in runs]}


def _with_etag(response: HttpResponse, task: Task) -> dict[str, object]:
    found = shapes.task_data(task)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


def _report(document: dict[str, object]) -> dict[str, object]:
    try:
        spec, warnings = check_task(document, catalogue=site_runtimes(), gpus=gpu_count())
        return accepted_report(make_plan(spec), warnings)
    except SpecError as error:
        return refused_report(error)
