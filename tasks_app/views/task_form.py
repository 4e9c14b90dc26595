"""Writing a task: a new one, or the full replacement of one."""

from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from autotuner_site.requests import SignedInRequest
from experiments_app import lifecycle
from experiments_app.gpu_demand import gpu_warnings
from experiments_app.gpus import gpu_count
from experiments_app.known_models import known_models
from experiments_app.site_volumes import site_volume_problems
from experiments_app.task_summary import summarise
from tasks_app.document_form import DELETED, DocumentForm
from tasks_app.forms import TaskForm, task_form
from tasks_app.models import Task
from tasks_app.presets import find_preset
from tasks_app.presets.new_task import document_of
from tasks_app.views.acting import attempt


@require_http_methods(["GET", "HEAD", "POST"])
def task_new(request: SignedInRequest) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = (None if data else _from_preset(request)) or task_form(
        data, view=request.GET.get("view", "form")
    )
    task = form.create(request.user) if form.saves and form.is_valid() else None
    if task is not None:
        return _saved(request, task, form, f"Task {task.name!r} is saved.")
    return _show_form(request, form)


@require_http_methods(["GET", "HEAD", "POST", "PUT"])
def task_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """PUT replaces the task as a whole; POST does the same for a browser without JavaScript."""
    task = Task.objects.filter(pk=pk).first()
    if task is None:
        return _edit_of_deleted(request)
    if task.current_status.is_under_way and request.method in {"GET", "HEAD"}:
        messages.error(request, f"A {task.status} task cannot be edited. Cancel it first.")
        return redirect("task_detail", pk)
    form = task_form(_sent(request), task=task, view=request.GET.get("view", "form"))
    if form.saves and form.is_valid():
        done = "The task is saved." if form.changes(task) else "Nothing was changed."
        if form.replace(task, request.user):
            return _saved(request, task, form, done)
    return _show_form(request, form)


def _from_preset(request: SignedInRequest) -> DocumentForm | None:
    """The form with the flags of `?preset=` in it."""
    key = request.GET.get("preset")
    preset = find_preset(key) if key else None
    if key and preset is None:
        messages.error(request, "There is no such preset any more.")
    return TaskForm(document=document_of(preset)) if preset else None


def _edit_of_deleted(request: SignedInRequest) -> HttpResponse:
    """What was typed is not lost with the task: it comes back as the form of a new one."""
    data = _sent(request)
    if data is None:
        raise Http404
    form = task_form(data)
    if form.is_bound:
        form.full_clean()
        form.add_error(None, DELETED)
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
        start = partial(lifecycle.start_or_restart, user=request.user)
        attempt(request, task, start, "It has started.")
    target = reverse("task_detail", args=[task.pk])
    return HttpResponseClientRedirect(target) if request.htmx else redirect(target)


def _show_form(request: SignedInRequest, form: DocumentForm) -> HttpResponse:
    if form.is_bound:
        form.is_valid()  # unless it was asked already: what a button has added stays
        form.ask_again()
    template = "tasks_app/task_form.html" + ("#task-editor" if request.htmx else "")
    status = 409 if form.conflict else 422 if form.is_bound and form.saves else 200
    context = {
        "section": "tasks" if form.task else "new",
        "form": form,
        "task": form.task,
        "known_models": known_models(),
        "summary": summarise(form.document_now, form.warnings),
        "check_path": reverse("task_check", args=[form.task.pk] if form.task else []),
    }
    return render(request, template, context, status=status)
