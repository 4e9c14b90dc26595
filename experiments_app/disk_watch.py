"""Pauses every task while a disk is nearly full, and lets them go on when there is room."""

import logging
from contextlib import suppress

from django.db import DatabaseError
from django.db.models import Q

from experiments_app import disk, task_log
from experiments_app.system.docker_state import note_folder
from tasks_app.models import StaleState, Task

logger = logging.getLogger(__name__)

HELD_FOR = "disk"
BY_ITSELF = "The task goes on by itself when there is room again."


def hold_for_room() -> bool:
    """Whether nothing is to be begun now. What somebody paused stays paused; what goes on again
    the next `tick` wakes."""
    if _uses_docker():
        note_folder()
    room = disk.room()
    if room.is_short:
        _pause_all(f"{room.words}. {BY_ITSELF}")
        return True
    if room.is_ample:
        _resume_all()
    return False


def _uses_docker() -> bool:
    is_concerned = Q(status=Task.Status.RUNNING) | Q(held_for=HELD_FOR)
    return Task.objects.filter(is_concerned, deployment_mode="docker").exists()


def _pause_all(message: str) -> None:
    for task in Task.objects.running():
        try:
            with suppress(StaleState):
                task.pause(message, held_for=HELD_FOR)
                task_log.write(task.pk, f"paused: {message}", run=task.run)
        except DatabaseError as error:  # full: nothing begins all the same
            logger.warning("task %d could not be paused: %s", task.pk, error)


def _resume_all() -> None:
    for task in Task.objects.filter(status=Task.Status.PAUSED, held_for=HELD_FOR):
        with suppress(StaleState):
            task.resume()
            task_log.write(task.pk, "resumed: there is room on the disk again", run=task.run)
