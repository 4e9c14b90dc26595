"""Experiments of a run side by side."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from autotuner_site.requests import SignedInRequest
from experiments_app.comparison import MAX_COMPARED, Comparison
from tasks_app.models import Run, Task
from tasks_app.views.task_page import run_asked_for


@require_safe
def task_compare(request: SignedInRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    run = run_asked_for(request) or task.run
    numbers = {int(n) for n in request.GET.getlist("experiment") if n.isdecimal() and len(n) < 9}
    back = f"{reverse('task_detail', args=[pk])}?run={run}#experiments-heading"
    if len(numbers) < 2:
        messages.error(request, "Select two or more experiments to see them side by side.")
        return redirect(back)
    if len(numbers) > MAX_COMPARED:
        messages.error(
            request, f"{len(numbers)} are selected; up to {MAX_COMPARED} fit side by side."
        )
        return redirect(back)
    try:
        comparison = Comparison.load(task, run, numbers)
    except Run.DoesNotExist as error:
        raise Http404(str(error)) from error
    if not comparison.experiments:
        raise Http404("There are no such experiments.")
    context = {"section": "tasks", "task": task, "comparison": comparison, "back": back}
    return render(request, "tasks_app/compare.html", context)
