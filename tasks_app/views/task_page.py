"""A task's own page: it follows a run, and is its report when the run has ended."""

from typing import Any, TypeVar

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh, retarget

from autotuner_site.requests import SignedInRequest
from experiments_app import logs
from experiments_app import task_log as task_logs
from experiments_app.before_start import before_start
from experiments_app.charts.page import chart_context
from experiments_app.following import marked, page_stamp, results_stamp
from experiments_app.notifications.bell import Bell
from experiments_app.overview import TaskOverview
from experiments_app.provenance import whole
from experiments_app.provenance_words import Section, sections
from experiments_app.standing import Standing
from experiments_app.steps import steps_of
from tasks_app.models import Run, Task
from tasks_app.views.table_choice import choose_columns, table_of

PAGE = "tasks_app/task_detail.html"
Seen = TypeVar("Seen", bound=Standing)


@require_safe
def task_detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """The page that follows a run. It asks every two seconds, with the stamp of the results that
    it has `seen`: it gets nothing, what happens now, or all of the partial `live`."""
    task = Task.objects.filter(pk=pk).select_related("created_by").first()
    if task is None and request.htmx:
        return HttpResponseClientRefresh()  # deleted under an open page
    if task is None:
        raise Http404
    run = run_asked_for(request)
    if "columns" in request.GET:
        return choose_columns(request, _loaded(Standing, task, run).spec)
    if not request.htmx:
        context = _live_context(request, task, run)
        context["log"] = logs.tail(task_logs.path_of(task.pk))
        context["provenance"] = _provenance(task, context["overview"])
        return marked(render(request, PAGE, context))
    standing = _loaded(Standing, task, run)
    results = results_stamp(standing)
    size = logs.size(task_logs.path_of(task.pk))
    etag = f'"{page_stamp(standing, results, size, request.user.pk, request.get_full_path())}"'
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        return marked(unchanged, etag)
    if request.GET.get("seen") == results:
        now = render(request, f"{PAGE}#now", {"only_now": True, **_now_context(standing)})
        return marked(retarget(now, "#now"), etag)
    return marked(render(request, f"{PAGE}#live", _live_context(request, task, run)), etag)


def _provenance(task: Task, overview: TaskOverview) -> list[Section]:
    """What the run was made with; nothing before the first one."""
    run = task.runs.filter(number=overview.run).first()
    if run is None:
        return []
    run.task = task
    return sections(whole(run))


def run_asked_for(request: SignedInRequest) -> int | None:
    run = request.GET.get("run")
    if run is None:
        return None
    if not (run.isascii() and run.isdecimal() and len(run) < 9):
        raise Http404("No such run.")
    return int(run)


def _loaded(kind: type[Seen], task: Task, run: int | None) -> Seen:
    try:
        return kind.load(task, run)
    except Run.DoesNotExist as error:
        raise Http404(str(error)) from error


def _now_context(standing: Standing) -> dict[str, Any]:
    in_container = standing.spec.deployment_mode == "docker"
    return {
        "task": standing.task,
        "overview": standing,
        "log_size": logs.size(task_logs.path_of(standing.task.pk)),
        "steps": steps_of(standing.current, standing.now, in_container=in_container),
    }


def _live_context(request: SignedInRequest, task: Task, run: int | None) -> dict[str, Any]:
    overview = _loaded(TaskOverview, task, run)
    query = request.GET.copy()
    query["seen"] = results_stamp(overview)
    context = _now_context(overview) | {
        "section": "tasks",
        "bell": Bell.of(request.user, task),
        "overview": overview,
        "runs": task.runs.all(),
        "table": table_of(request, overview),
        "poll_url": f"{request.path}?{query.urlencode()}",
    }
    context |= chart_context(request.GET, overview, is_poll=bool(request.htmx))
    if overview.status == Task.Status.PENDING:
        context["before_start"] = before_start(overview.spec)
    return context
