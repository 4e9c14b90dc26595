"""One action on many tasks. Each is done or refused by itself, and nothing of it is silent."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from django.contrib.auth.models import User
from django.db import IntegrityError

from experiments_app import lifecycle
from experiments_app.removal import delete_task, why_not_deleted
from tasks_app.duplicating import duplicate
from tasks_app.models import StaleState, Task
from tasks_app.problems import SpecError

MAX_TASKS = 1_000


@dataclass(frozen=True)
class Outcome:
    """What came of it for one task: `words` say what was done, or why not."""

    pk: int
    name: str
    is_done: bool
    words: str
    is_refusal: bool = False

    @property
    def state(self) -> str:
        if self.is_done:
            return "done"
        return "refused" if self.is_refusal else "skipped"


@dataclass(frozen=True)
class Action:
    """`why_not` tells kindly why a task is left out; empty where it is not.

    `done` completes "3 tasks …"; `asks` whether it wants a yes first.
    """

    name: str
    title: str
    done: str
    act: Callable[[Task, User], object]
    why_not: Callable[[Task], str]
    asks: bool = False


def _no_start(task: Task) -> str:
    if task.current_status.is_under_way:
        return _begun_already(task)
    return "" if task.status == Task.Status.PENDING else "has run before: restart it instead"


def _no_restart(task: Task) -> str:
    if task.current_status.is_under_way:
        return _begun_already(task)
    return "has never run: start it instead" if task.status == Task.Status.PENDING else ""


def _begun_already(task: Task) -> str:
    return (
        "is paused: resume it instead"
        if task.status == Task.Status.PAUSED
        else "is running already"
    )


def _no_pause(task: Task) -> str:
    if task.status == Task.Status.PAUSED:
        return "is paused already"
    return "" if task.status == Task.Status.RUNNING else "is not running"


def _no_resume(task: Task) -> str:
    return "" if task.status == Task.Status.PAUSED else "is not paused"


def _no_cancel(task: Task) -> str:
    return f"is {task.status} already" if task.current_status.is_finished else ""


def _no_archive(task: Task) -> str:
    if task.current_status.is_under_way:
        return f"is {task.status}: cancel it first"
    return "is archived already" if task.archived_at else ""


def _no_bring_back(task: Task) -> str:
    return "" if task.archived_at else "is not archived"


def _no_delete(task: Task) -> str:
    if task.current_status.is_under_way:
        return f"is {task.status}: cancel it first"
    if task.status == Task.Status.CANCELLED and why_not_deleted(task):
        return "is still being taken down: try again in a few seconds"
    return ""


def _by(verb: Callable[..., None]) -> Callable[[Task, User], object]:
    return lambda task, user: verb(task, user=user)


ACTIONS = {
    action.name: action
    for action in (
        Action("start", "Start", "started", _by(lifecycle.start_task), _no_start),
        Action("restart", "Restart", "started again", _by(lifecycle.restart_task), _no_restart),
        Action("pause", "Pause", "paused", _by(lifecycle.pause_task), _no_pause),
        Action("resume", "Resume", "resumed", _by(lifecycle.resume_task), _no_resume),
        Action("cancel", "Cancel", "cancelled", _by(lifecycle.cancel_task), _no_cancel),
        Action("archive", "Archive", "archived", _by(lifecycle.archive_task), _no_archive),
        Action(
            "bring-back",
            "Bring back",
            "brought back",
            _by(lifecycle.bring_back_task),
            _no_bring_back,
        ),
        Action("duplicate", "Duplicate", "copied", duplicate, lambda task: ""),
        Action(
            "delete",
            "Delete",
            "deleted",
            lambda task, user: delete_task(task),
            _no_delete,
            asks=True,
        ),
    )
}


def perform(action: Action, tasks: Iterable[Task], user: User) -> list[Outcome]:
    def one(task: Task) -> Outcome:
        if reason := action.why_not(task):
            return Outcome(task.pk, task.name, is_done=False, words=reason)
        return attempted(task, partial(_act, action, user))

    return [one(task) for task in tasks]


def _act(action: Action, user: User, task: Task) -> str:
    action.act(task, user)
    return action.done


def attempted(task: Task, change: Callable[[Task], str]) -> Outcome:
    """What a change of one task came to; it says what it did."""
    pk, name = task.pk, task.name
    try:
        return Outcome(pk, name, is_done=True, words=change(task))
    except (StaleState, SpecError) as error:
        return Outcome(pk, name, is_done=False, words=str(error), is_refusal=True)
    except IntegrityError:
        words = "clashes with what was saved meanwhile"
        return Outcome(pk, name, is_done=False, words=words, is_refusal=True)


def summary(outcomes: Sequence[Outcome], done: str) -> str:
    """`3 of 5 tasks archived`"""
    count, total = sum(outcome.is_done for outcome in outcomes), len(outcomes)
    of = f"{count}" if count == total else f"{count} of {total}"
    return f"{of} task{'' if total == 1 else 's'} {done}"
