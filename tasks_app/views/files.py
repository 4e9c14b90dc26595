"""Tasks and results as files to keep."""

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app import results_file
from experiments_app.html_report.page import NotStarted, report_html
from experiments_app.results import RunResults
from experiments_app.results_parquet import parquet_parts
from tasks_app.bulk.request import BulkRequest
from tasks_app.exporting import file_name, json_file, yaml_file
from tasks_app.models import Run, Task

YAML, JSON, HTML = "application/yaml", "application/json", "text/html"
RESULTS = {
    "csv": ("text/csv; charset=utf-8", results_file.csv_lines),
    "json": (f"{JSON}; charset=utf-8", results_file.json_parts),
    "parquet": ("application/vnd.apache.parquet", parquet_parts),
}
MAX_EXPORTED = 1_000


@require_safe
def task_export(request: SignedInRequest, pk: int) -> HttpResponse:
    """The task file, YAML or with `?format=json` JSON."""
    task = get_object_or_404(Task, pk=pk)
    if request.GET.get("format") == "json":
        return _download(json_file(task), file_name(task, ".json"), JSON)
    return _download(yaml_file([task]), file_name(task, ".yaml"), YAML)


@require_http_methods(["GET", "HEAD", "POST"])
def tasks_export(request: SignedInRequest) -> HttpResponse:
    """Several tasks in one file: `?task=1&task=2`, or those that were ticked in the list."""
    sent = request.POST if request.method == "POST" else request.GET
    bulk = BulkRequest.read(sent, limit=MAX_EXPORTED)
    if bulk.problem:
        messages.error(request, bulk.problem)
        return redirect(bulk.back)
    return _download(yaml_file(bulk.tasks), "tasks.yaml", YAML)


@require_safe
def task_results(request: SignedInRequest, pk: int, ending: str) -> HttpResponseBase:
    """All that a run measured, the latest or `?run=`, sent as it is read."""
    task = get_object_or_404(Task, pk=pk)
    results = RunResults(task, _run_number(task, request.GET.get("run")))
    kind, pieces = RESULTS[ending]
    name = file_name(task, f"-run-{results.run}.{ending}")
    return StreamingHttpResponse(pieces(results), content_type=kind, headers=_as_file(name))


@require_safe
def task_report(request: SignedInRequest, pk: int) -> HttpResponse:
    """All about a run in one file for others to read, the latest or `?run=`."""
    task = get_object_or_404(Task, pk=pk)
    run = _run_number(task, request.GET.get("run")) or task.run
    try:
        html = report_html(task, run)
    except NotStarted as error:
        raise Http404(str(error)) from error
    return _download(html, file_name(task, f"-run-{run}-report.html"), HTML)


def _run_number(task: Task, run: str | None) -> int | None:
    if run is None:
        return None
    if not (run.isascii() and run.isdecimal() and len(run) < 9):
        raise Http404("No such run.")
    get_object_or_404(Run, task=task, number=int(run))
    return int(run)


def _download(text: str, name: str, kind: str) -> HttpResponse:
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", headers=_as_file(name))


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": content_disposition_header(True, name) or ""}
