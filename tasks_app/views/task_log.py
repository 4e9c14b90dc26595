"""The log of a task: all of it, what was added, the lines that say something; clearing it."""

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app import logs
from experiments_app import task_log as task_logs
from tasks_app.models import Task


@require_safe
def task_log(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """`?after=<byte>` for what was added since, 204 for nothing; otherwise the whole log."""
    task = get_object_or_404(Task, pk=pk)
    return logs.respond(request, task_logs.path_of(task.pk), f"task_{task.pk}.log")
