"""Taking another measured experiment than the best as the answer of a run, and taking it back."""

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from autotuner_site.requests import SignedInRequest
from experiments_app.answers import take_as_answer
from tasks_app.models import Task
from tasks_app.views.acting import attempt


@require_POST
def task_answer(request: SignedInRequest, pk: int) -> HttpResponse:
    """`number` is that of the experiment; without one the best is the answer again."""
    task = get_object_or_404(Task, pk=pk)
    try:
        run = _number(request.POST.get("run", "")) or task.run
        number = _number(request.POST.get("number", ""))
    except ValueError as error:
        return HttpResponseBadRequest(str(error), content_type="text/plain")
    done = "The best is the answer again."
    if number is not None:
        done = f"{f'Experiment {number}' if number else 'The default'} is the answer of this run."

    def take(task: Task) -> None:
        take_as_answer(task, run, number, user=request.user)

    attempt(request, task, take, done)
    query = f"?run={run}" if run != task.run else ""
    return redirect(f"{reverse('task_detail', args=[pk])}{query}")


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise ValueError("A run and an experiment are named by their numbers.")
    return int(text)
