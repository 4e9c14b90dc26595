"""The charts of a task's runs: in the task's page, on a page of their own, as files."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.charts.download import chart_file
from experiments_app.charts.page import ChartView, all_views, section
from experiments_app.charts.registry import CHARTS
from experiments_app.charts.source import ChartSource
from experiments_app.standing import Standing
from tasks_app.models import Run, Task
from tasks_app.views.task_page import run_asked_for


@require_safe
def chart_section(request: SignedInRequest, pk: int) -> HttpResponse:
    """The charts' part of the task's page, when one is chosen or has changed."""
    standing = _standing(request, pk)
    charts = section(request.GET, standing)
    context = {"task": standing.task, "overview": standing, "charts": charts}
    return render(request, "tasks_app/_charts.html", context)


@require_safe
def task_charts(request: SignedInRequest, pk: int) -> HttpResponse:
    """All charts of a run below each other, each drawn when it comes into sight."""
    standing = _standing(request, pk)
    context = {
        "section": "tasks",
        "task": standing.task,
        "overview": standing,
        "views": all_views(request.GET, standing),
    }
    return render(request, "tasks_app/task_charts.html", context)


@require_safe
def task_chart(request: SignedInRequest, pk: int, name: str) -> HttpResponse:
    """One chart: its page, or for htmx the figure alone."""
    view = _view(request, pk, name)
    context = {"section": "tasks", "task": view.standing.task, "overview": view.standing}
    template = "tasks_app/task_chart.html" + ("#figure" if request.htmx else "")
    return render(request, template, context | {"view": view})


@require_safe
def task_chart_file(request: SignedInRequest, pk: int, name: str, kind: str) -> HttpResponse:
    """The chart as an image that stands by itself, in the colours of `?theme=`."""
    view = _view(request, pk, name)
    file_name = f"task_{pk}_run_{view.standing.run}_{name}"
    return chart_file(request, view.chart, view.type.specify, kind, file_name)


def _view(request: SignedInRequest, pk: int, name: str) -> ChartView:
    if name not in CHARTS:
        raise Http404(f"There is no chart {name!r}.")
    return ChartView(CHARTS[name], ChartSource(_standing(request, pk)), request.GET)


def _standing(request: SignedInRequest, pk: int) -> Standing:
    task = get_object_or_404(Task.objects.select_related("created_by"), pk=pk)
    try:
        return Standing.load(task, run_asked_for(request))
    except Run.DoesNotExist as error:
        raise Http404(str(error)) from error
