"""The log of a task: all of it, what was added, the lines that say something; clearing it."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app import logs
from experiments_app import task_log as task_logs
from experiments_app.log_search import show_search
from tasks_app.models import Task


@require_safe
def task_log(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """`?after=<byte>` for what was added since, 204 for nothing; `?q=` for the lines that hold
    a text; otherwise the whole log."""
    task = get_object_or_404(Task, pk=pk)
    path = task_logs.path_of(task.pk)
    if "q" in request.GET:
        return show_search(request, path, task.name, back=reverse("task_detail", args=[pk]))
    return logs.respond(request, path, f"task_{task.pk}.log")


@require_http_methods(["GET", "HEAD", "POST"])
def task_log_clear(request: SignedInRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    if request.method != "POST":
        size = logs.size(task_logs.path_of(pk))
        context = {"section": "tasks", "task": task, "size": size}
        return render(request, "tasks_app/log_clear.html", context)
    try:
        task_logs.clear(task.pk, run=task.run, who=request.user.get_username())
    except OSError as error:
        messages.error(request, f"The log cannot be cleared: {error.strerror}.")
    else:
        messages.success(request, "The log is cleared.")
    return redirect("task_detail", pk)
