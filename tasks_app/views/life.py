"""What is done to a task: start, pause, cancel, restart, duplicate, put away, delete."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from autotuner_site.requests import SignedInRequest, whole_number
from experiments_app import lifecycle
from experiments_app.removal import Losses, delete_task
from experiments_app.reproduce import reproduce
from tasks_app.bulk.request import list_address
from tasks_app.duplicating import duplicate
from tasks_app.importing import ensure_builtin_task
from tasks_app.models import Run, Task
from tasks_app.problems import SpecError
from tasks_app.views.acting import attempt


@require_POST
def tune_builtin(request: SignedInRequest) -> HttpResponse:
    task = ensure_builtin_task(request.user)
    if task.status == Task.Status.PENDING:
        start = partial(lifecycle.start_task, user=request.user)
        attempt(request, task, start, "The built-in task has started.")
    return redirect("task_detail", task.pk)


@require_POST
def task_start(request: SignedInRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lifecycle.start_task, "The task has started.")


@require_POST
def task_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lifecycle.cancel_task, "The task is cancelled.")


@require_POST
def task_pause(request: SignedInRequest, pk: int) -> HttpResponse:
    done = "The task is paused: what is being measured is measured to its end."
    return _act(request, pk, lifecycle.pause_task, done)


@require_POST
def task_resume(request: SignedInRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lifecycle.resume_task, "The task goes on.")


@require_POST
def task_restart(request: SignedInRequest, pk: int) -> HttpResponse:
    if request.POST.get("measure") == "everything":
        restart = partial(lifecycle.restart_task, reuse=False)
        return _act(request, pk, restart, "A new run has started; it measures everything again.")
    return _act(request, pk, lifecycle.restart_task, "A new run has started.")


@require_POST
def task_extend(request: SignedInRequest, pk: int) -> HttpResponse:
    """`more`: by how many experiments the run that has ended goes on."""
    more = whole_number(request.POST.get("more", "").strip()) or 0
    return _act(request, pk, partial(lifecycle.extend_task, more=more), "The run goes on.")


@require_POST
def task_archive(request: SignedInRequest, pk: int) -> HttpResponse:
    done = "The task is archived: it is kept, and left out of the list."
    return _act(request, pk, lifecycle.archive_task, done)


@require_POST
def task_bring_back(request: SignedInRequest, pk: int) -> HttpResponse:
    return _act(request, pk, lifecycle.bring_back_task, "The task is back in the list.")


@require_POST
def task_duplicate(request: SignedInRequest, pk: int) -> HttpResponse:
    copy = duplicate(get_object_or_404(Task, pk=pk), request.user)
    messages.success(request, "This is the copy: change what should differ.")
    return redirect("task_edit", copy.pk)


@require_POST
def task_reproduce(request: SignedInRequest, pk: int) -> HttpResponse:
    """`run`: which one is to be done again; the latest where none is named."""
    task = get_object_or_404(Task, pk=pk)
    number = whole_number(request.POST.get("run", "").strip()) or task.run
    run = get_object_or_404(Run.objects.select_related("task"), task=task, number=number)
    try:
        made = reproduce(run, user=request.user)
    except SpecError as error:
        messages.error(request, f"Not reproduced. {error}")
        return redirect("task_detail", pk)
    messages.success(
        request,
        f"This task does run {number} of {task.name!r} again. Start it; then compare the two runs.",
    )
    for warning in made.warnings:
        messages.warning(request, warning)
    return redirect("task_detail", made.task.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def task_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    if request.method != "POST":
        context = {"section": "tasks", "task": task, "losses": Losses.of(task)}
        return render(request, "tasks_app/task_delete.html", context)
    if attempt(request, task, delete_task, f"Task {task.name!r} is deleted."):
        return redirect("task_list")
    return redirect("task_detail", pk)


def _act(request: SignedInRequest, pk: int, action: Callable[..., None], done: str) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    attempt(request, task, partial(action, user=request.user), done)
    if "filters" in request.POST:  # from a row of the list
        return redirect(list_address(request.POST["filters"]))
    return redirect("task_detail", pk)
