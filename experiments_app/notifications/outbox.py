"""Writes down whom to tell, in the transaction of the change itself; the consumer looks for it
every few seconds."""

import logging
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from experiments_app.notifications.models import Channel, Delivery, TaskFollow
from tasks_app.models import Run, Task

logger = logging.getLogger(__name__)
EVENTS = {
    Task.Status.COMPLETED: Delivery.Event.ENDED,
    Task.Status.CANCELLED: Delivery.Event.ENDED,
    Task.Status.FAILED: Delivery.Event.FAILED,
}


def note_change(task: Task) -> None:
    """A task has ended or been paused, in this very transaction."""
    event = EVENTS.get(task.current_status)
    if event is not None and task.completed_at is not None:
        note(task, event, task.completed_at)
    elif task.current_status is Task.Status.PAUSED and task.held_for and task.paused_at:
        note(task, Delivery.Event.WAITING, task.paused_at)


def note(task: Task, event: Delivery.Event, at: datetime, message: str = "") -> int:
    """One delivery for each channel that wants to hear of it; how many those are. What happened
    `at` one time is told once, however often this is called."""
    rows = [
        Delivery(
            channel=channel,
            event=event,
            task_number=task.pk,
            task_name=task.name,
            run=task.run,
            happened_at=at,
            task_status=task.status,
            message=message or task.message,
        )
        for channel in channels_for(task, event)
    ]
    if rows:
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def channels_for(task: Task, event: Delivery.Event) -> "QuerySet[Channel]":
    """Those that are on and tell of such an event, where their user wants it of this task."""
    wishes = TaskFollow.objects.filter(task=task, user=OuterRef("user"))
    started = Run.objects.filter(task=task, number=task.run, started_by=OuterRef("user"))
    is_mine = Q(scope=Channel.Scope.MINE) & (Q(user=task.created_by_id) | Exists(started))
    return (
        Channel.objects.in_use()
        .filter(**{f"on_{event}": True})
        .filter(
            Q(scope=Channel.Scope.ALL)
            | is_mine
            | Exists(wishes.filter(wish=TaskFollow.Wish.FOLLOW))
        )
        .exclude(Exists(wishes.filter(wish=TaskFollow.Wish.MUTE)))
    )
