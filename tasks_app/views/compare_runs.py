"""Whole runs beside each other: two engines, before and after an upgrade, two runs of a task."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.charts.compared_page import COMPARED, compared_views
from experiments_app.charts.download import chart_file
from experiments_app.run_comparison import MAX_RUNS, RunComparison, RunKey, keys_of
from tasks_app.bulk.request import BulkRequest
from tasks_app.list_filter import LONGEST_SEARCH
from tasks_app.models import Run, Task

OFFERED = 12


@require_safe
def compare_runs(request: SignedInRequest) -> HttpResponse:
    """`?run=<task>.<run>` for each; with fewer than two it is the place to choose them."""
    keys = keys_of(request.GET.getlist("run"))
    if len(keys) > MAX_RUNS:
        messages.warning(
            request, f"Up to {MAX_RUNS} runs fit beside each other: the first are shown."
        )
    comparison = _comparison(request.GET, keys)
    found = [run.key for run in comparison.runs]
    gone = [str(key) for key in keys[:MAX_RUNS] if key not in found]
    if gone:
        messages.error(request, f"There is no run {', '.join(gone)}: it was perhaps deleted.")
    context: dict[str, Any] = {
        "section": "tasks",
        "comparison": comparison,
        "of_default": request.GET.get("of") == "default",
        "query": request.GET.get("q", ""),
        "offers": _offers(request.GET.get("q", ""), found),
        "views": compared_views(comparison.runs, request.GET) if len(found) > 1 else [],
        "max_runs": MAX_RUNS,
    }
    return render(request, "tasks_app/compare_runs.html", context)


@require_POST
def tasks_compare(request: SignedInRequest) -> HttpResponse:
    """The latest runs of the tasks that were ticked in the list."""
    asked = BulkRequest.read(request.POST, limit=MAX_RUNS)
    if asked.problem:
        messages.error(request, asked.problem)
        return redirect(asked.back)
    keys = [str(RunKey(task.pk, task.run)) for task in asked.tasks if _has_run(task)]
    if len(keys) < len(asked.tasks):
        messages.warning(request, "Tasks that were never started are left out.")
    query = urlencode([("run", key) for key in keys])
    return redirect(f"{reverse('compare_runs')}?{query}")


@require_safe
def compared_chart_file(request: SignedInRequest, name: str, kind: str) -> HttpResponse:
    """A chart of the comparison as a file."""
    if name not in COMPARED:
        raise Http404(f"There is no chart {name!r}.")
    comparison = _comparison(request.GET, keys_of(request.GET.getlist("run")))
    views = compared_views(comparison.runs, request.GET)
    view = next(view for view in views if view.name == name)
    return chart_file(request, view.chart, view.specify, kind, f"compared_{name}")


def _has_run(task: Task) -> bool:
    return task.started_at is not None


def _comparison(query: QueryDict, keys: list[RunKey]) -> RunComparison:
    return RunComparison.load(keys[:MAX_RUNS], of_default=query.get("of") == "default")


def _offers(text: str, chosen: list[RunKey]) -> list[Run]:
    """The latest runs of tasks whose name has `text` in it, without those that are chosen."""
    runs: QuerySet[Run] = Run.objects.select_related("task").order_by("-started_at")
    if text:
        runs = runs.filter(task__name__icontains=text[:LONGEST_SEARCH])
    return [
        run for run in runs[: OFFERED + MAX_RUNS] if RunKey(run.task_id, run.number) not in chosen
    ][:OFFERED]
