"""Doing something to a task for somebody, and saying what came of it."""

from collections.abc import Callable

from django.contrib import messages

from autotuner_site.requests import SignedInRequest
from tasks_app.models import StaleState, Task
from tasks_app.problems import SpecError


def attempt(
    request: SignedInRequest, task: Task, action: Callable[[Task], None], done: str
) -> bool:
    """Do it and say so; or say why not."""
    try:
        action(task)
    except (StaleState, SpecError) as error:
        messages.error(request, str(error))
        return False
    if done:
        messages.success(request, done)
    return True
