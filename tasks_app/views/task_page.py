"""A task's own page: it follows a run, and is its report when the run has ended."""

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from autotuner_site.requests import SignedInRequest
from experiments_app import logs
from experiments_app import task_log as task_logs
from experiments_app.before_start import before_start
from experiments_app.charts.data import score_chart
from experiments_app.charts.draw import draw
from experiments_app.overview import TaskOverview
from tasks_app.models import Run, Task


@require_safe
def task_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """The page that follows a run: the polled part of it is the partial `live`."""
    task = Task.objects.filter(pk=pk).select_related("created_by").first()
    if task is None and request.htmx:
        return HttpResponseClientRefresh()  # deleted under an open page
    if task is None:
        raise Http404
    overview = _overview(task, request.GET.get("run"))
    chart = score_chart(overview)
    context = {
        "section": "tasks",
        "task": task,
        "overview": overview,
        "chart": chart,
        "chart_wide": draw(chart) if chart.has_scores else "",
        "chart_narrow": draw(chart, narrow=True) if chart.has_scores else "",
        "runs": task.runs.all(),
        "log_size": logs.size(task_logs.path_of(task.pk)),
    }
    if overview.status == Task.Status.PENDING:
        context["before_start"] = before_start(overview.spec)
    if request.htmx:
        return render(request, "tasks_app/task_detail.html#live", context)
    context["log"] = logs.tail(task_logs.path_of(task.pk))
    return render(request, "tasks_app/task_detail.html", context)


def _overview(task: Task, run: str | None) -> TaskOverview:
    if run is not None and not (run.isascii() and run.isdecimal() and len(run) < 9):
        raise Http404("No such run.")
    try:
        return TaskOverview.load(task, None if run is None else int(run))
    except Run.DoesNotExist as error:
        raise Http404(str(error)) from error


@require_safe
def task_log(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """`?after=<byte>` for what was added since, 204 for nothing; otherwise the whole log."""
    task = get_object_or_404(Task, pk=pk)
    return logs.respond(request, task_logs.path_of(task.pk), f"task_{task.pk}.log")
