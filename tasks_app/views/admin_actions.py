"""What the admin does to selected tasks: the same that the list on the site does."""

from collections.abc import Iterable
from typing import cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from autotuner_site.admin import tell_refusals
from experiments_app import lifecycle
from experiments_app.bulk import ACTIONS, Action, perform, summary
from tasks_app.models import Task


def _no_start(task: Task) -> str:
    return f"is {task.status} already" if task.current_status.is_under_way else ""


START_AGAIN = Action(
    "start-again",
    "Start",
    "started",
    lambda task, user: lifecycle.start_or_restart(task, user=user),
    _no_start,
)


@admin.action(description="Cancel", permissions=["act"])
def cancel(_: object, request: HttpRequest, tasks: QuerySet[Task]) -> None:
    _perform(request, ACTIONS["cancel"], tasks)


@admin.action(description="Pause after the experiment under way", permissions=["act"])
def pause(_: object, request: HttpRequest, tasks: QuerySet[Task]) -> None:
    _perform(request, ACTIONS["pause"], tasks)


@admin.action(description="Resume", permissions=["act"])
def resume(_: object, request: HttpRequest, tasks: QuerySet[Task]) -> None:
    _perform(request, ACTIONS["resume"], tasks)


@admin.action(description="Start, or start again as a new run", permissions=["act"])
def start_again(_: object, request: HttpRequest, tasks: QuerySet[Task]) -> None:
    _perform(request, START_AGAIN, tasks)


@admin.action(description="Archive", permissions=["act"])
def archive(_: object, request: HttpRequest, tasks: QuerySet[Task]) -> None:
    _perform(request, ACTIONS["archive"], tasks)


@admin.action(description="Bring back from the archive", permissions=["act"])
def bring_back(_: object, request: HttpRequest, tasks: QuerySet[Task]) -> None:
    _perform(request, ACTIONS["bring-back"], tasks)


def _perform(request: HttpRequest, action: Action, tasks: Iterable[Task]) -> None:
    outcomes = perform(action, tasks, cast(User, request.user))
    if any(outcome.is_done for outcome in outcomes):
        messages.success(request, f"{summary(outcomes, action.done)}.")
    tell_refusals(
        request, [f"{outcome.name}: {outcome.words}" for outcome in outcomes if not outcome.is_done]
    )
