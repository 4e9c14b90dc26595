"""Who writes something of their own in the transaction in which a task changes its state.

`tasks_app` knows none of them: they name themselves when the site starts. Not Django's signals:
what is called is in one list, and a fault in it takes nobody's task with it.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import transaction

if TYPE_CHECKING:
    from tasks_app.models import Task

logger = logging.getLogger(__name__)
Listener = Callable[["Task"], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Call it with each task that has just ended or been paused, in the same transaction."""
    if listener not in _listeners:
        _listeners.append(listener)


def tell(task: "Task") -> None:
    """A task ends, whatever becomes of those who want to hear of it: their fault is logged, and
    what they wrote is taken back alone."""
    for listener in _listeners:
        try:
            with transaction.atomic():
                listener(task)
        except Exception:  # whatever it is: the task must not stand still for it
            logger.exception("task %d: what its change should have caused failed", task.pk)
