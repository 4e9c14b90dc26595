"""What became of a task: its versions and its runs, newest first, and who did it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User

from tasks_app.models import Run, Task, TaskVersion
from tasks_app.spec_diff import Change, changes

VERSION_WORDS: dict[str, str] = {
    TaskVersion.Kind.CREATED: "created the task",
    TaskVersion.Kind.IMPORTED: "imported the task",
    TaskVersion.Kind.DUPLICATED: "copied it from another task",
    TaskVersion.Kind.EDITED: "edited the task",
    TaskVersion.Kind.DETAILS: "changed name or description",
    TaskVersion.Kind.BULK: "edited it together with other tasks",
    TaskVersion.Kind.RESTORED: "restored an earlier version",
}


@dataclass(frozen=True)
class Event:
    """Something that happened: a version was written, a run began or ended, the task was put away.

    `who` is None where nobody is known to have done it: a command, or an end by itself.
    """

    at: datetime
    who: User | None
    words: str
    kind: str
    version: TaskVersion | None = None
    changes: Sequence[Change] = field(default=())
    run: Run | None = None


def events_of(task: Task) -> list[Event]:
    """Everything, newest first, the versions still without what they changed."""
    versions = task.versions.select_related("changed_by").defer("spec")
    runs = task.runs.select_related("started_by", "cancelled_by").defer("spec")
    found = [
        *map(_of_version, versions),
        *(event for run in runs for event in _of_run(run)),
        *_of_task(task, has_run=bool(runs)),
    ]
    return sorted(found, key=lambda event: event.at, reverse=True)


def with_changes(task: Task, events: Iterable[Event]) -> list[Event]:
    """The same events, each version with its difference to the one before. One query."""
    events = list(events)
    numbers = {event.version.number for event in events if event.version}
    wanted = numbers | {number - 1 for number in numbers}
    specs = dict(task.versions.filter(number__in=wanted).values_list("number", "spec"))
    return [_with_changes(event, specs) for event in events]


def _with_changes(event: Event, specs: dict[int, dict[str, object]]) -> Event:
    version = event.version
    if version is None or version.number - 1 not in specs:
        return event
    found = changes(specs[version.number - 1], specs[version.number])
    return Event(event.at, event.who, event.words, event.kind, version, found)


def _of_task(task: Task, *, has_run: bool) -> Iterable[Event]:
    """What is kept with the task alone, without who did it."""
    if task.archived_at:
        yield Event(task.archived_at, None, "archived the task", "archived")
    if task.status == Task.Status.CANCELLED and task.completed_at and not has_run:
        yield Event(task.completed_at, None, "cancelled the task before it ran", "cancelled")


def _of_version(version: TaskVersion) -> Event:
    words = VERSION_WORDS[version.kind]
    return Event(version.changed_at, version.changed_by, words, "version", version)


def _of_run(run: Run) -> Iterable[Event]:
    yield Event(run.started_at, run.started_by, f"started run {run.number}", "started", run=run)
    if run.completed_at is None:
        return
    if run.status == Task.Status.CANCELLED:
        words = f"cancelled run {run.number}"
        yield Event(run.completed_at, run.cancelled_by, words, run.status, run=run)
    else:
        words = f"run {run.number} {run.status}"
        yield Event(run.completed_at, None, words, run.status, run=run)
