"""The life of a task in the browser: list, form, live page, actions."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from autotuner_site.requests import SignedInRequest
from experiments_app import lifecycle, logs
from experiments_app import task_log as task_logs
from experiments_app.before_start import before_start
from experiments_app.charts.data import score_chart
from experiments_app.charts.draw import draw
from experiments_app.gpu_demand import gpu_warnings
from experiments_app.gpus import gpu_count
from experiments_app.overview import TaskOverview
from experiments_app.removal import delete_task
from experiments_app.site_volumes import site_volume_problems
from experiments_app.task_list import summaries
from tasks_app.document_form import DocumentForm
from tasks_app.duplicating import duplicate
from tasks_app.forms import FilterForm, task_form
from tasks_app.importing import ensure_builtin_task
from tasks_app.models import Run, StaleState, Task
from tasks_app.problems import SpecError

TASKS_PER_PAGE = 25


@require_safe
def task_list(request: SignedInRequest) -> HttpResponse:
    filters = FilterForm(request.GET)
    tasks = Paginator(filters.apply(Task.objects.all()), TASKS_PER_PAGE)
    page = tasks.get_page(request.GET.get("page"))
    context = {
        "section": "tasks",
        "filters": filters,
        "page": page,
        "summaries": summaries(list(page)),
        "is_first_run": not page and not filters.is_active,
    }
    return render(request, "tasks_app/task_list.html", context)


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


@require_http_methods(["GET", "HEAD", "POST"])
def task_new(request: SignedInRequest) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = task_form(data, view=request.GET.get("view", "form"))
    task = form.create(request.user) if form.is_valid() else None
    if task is not None:
        return _saved(request, task, form, f"Task {task.name!r} is saved.")
    return _show_form(request, form)


@require_http_methods(["GET", "HEAD", "POST", "PUT"])
def task_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """PUT replaces the task as a whole; POST does the same for a browser without JavaScript."""
    task = get_object_or_404(Task, pk=pk)
    if task.status == Task.Status.RUNNING and request.method in {"GET", "HEAD"}:
        messages.error(request, "A running task cannot be edited. Cancel it first.")
        return redirect("task_detail", pk)
    form = task_form(_sent(request), task=task, view=request.GET.get("view", "form"))
    if form.is_valid():
        done = "The task is saved." if form.changes(task) else "Nothing was changed."
        if form.replace(task):
            return _saved(request, task, form, done)
    return _show_form(request, form)


def _sent(request: SignedInRequest) -> QueryDict | None:
    if request.method == "PUT":
        return QueryDict(request.body, encoding="utf-8")
    return request.POST if request.method == "POST" else None


def _saved(request: SignedInRequest, task: Task, form: DocumentForm, done: str) -> HttpResponse:
    messages.success(request, done)
    spec = form.checked_spec
    warnings = [*form.warnings, *gpu_warnings(spec, gpu_count())]
    if spec.deployment_mode == "docker":
        warnings += site_volume_problems(spec)
    for warning in warnings:
        messages.warning(request, str(warning))
    if form.data.get("action") == "save_and_start":
        _try(request, task, lifecycle.start_or_restart, "It has started.")
    target = reverse("task_detail", args=[task.pk])
    return HttpResponseClientRedirect(target) if request.htmx else redirect(target)


def _show_form(request: SignedInRequest, form: DocumentForm) -> HttpResponse:
    if form.is_bound:
        form.ask_again()
    template = "tasks_app/task_form.html" + ("#task-form" if request.htmx else "")
    status = 409 if form.conflict else 422 if form.is_bound else 200
    context = {"section": "tasks" if form.task else "new", "form": form, "task": form.task}
    return render(request, template, context, status=status)


@require_POST
def tune_builtin(request: SignedInRequest) -> HttpResponse:
    task = ensure_builtin_task()
    if task.status == Task.Status.PENDING:
        _try(request, task, lifecycle.start_task, "The built-in task has started.")
    return redirect("task_detail", task.pk)


@require_POST
def task_start(request: SignedInRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lifecycle.start_task, "The task has started.")


@require_POST
def task_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lifecycle.cancel_task, "The task is cancelled.")


@require_POST
def task_restart(request: SignedInRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lifecycle.restart_task, "A new run has started.")


@require_POST
def task_duplicate(request: SignedInRequest, pk: int) -> HttpResponse:
    copy = duplicate(get_object_or_404(Task, pk=pk), request.user)
    messages.success(request, "This is the copy: change what should differ.")
    return redirect("task_edit", copy.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def task_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    if request.method != "POST":
        context = {"section": "tasks", "task": task, "num_experiments": task.experiments.count()}
        return render(request, "tasks_app/task_delete.html", context)
    if _try(request, task, delete_task, f"Task {task.name!r} is deleted."):
        return redirect("task_list")
    return redirect("task_detail", pk)


def _act(
    request: SignedInRequest, pk: int, action: Callable[[Task], None], done: str
) -> HttpResponse:
    _try(request, get_object_or_404(Task, pk=pk), action, done)
    return redirect("task_detail", pk)


def _try(request: SignedInRequest, task: Task, action: Callable[[Task], None], done: str) -> bool:
    """Do it and say so; or say why not."""
    try:
        action(task)
    except (StaleState, SpecError) as error:
        messages.error(request, str(error))
        return False
    if done:
        messages.success(request, done)
    return True
