"""Whether the consumer lives, which runs what the site starts: it says so every few seconds."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from experiments_app.models import Experiment
from tasks_app.models import Task

logger = logging.getLogger(__name__)

BEAT_S = 2.0
DEAD_AFTER_S = 12.0


@contextmanager
def beating() -> Iterator[None]:
    """Say that the consumer lives while the block runs."""
    stop = threading.Event()
    _beat()
    thread = threading.Thread(target=_beat_until, args=(stop,), name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=BEAT_S)
        settings.HOME.consumer_beat.unlink(missing_ok=True)


def heartbeat_age_s() -> float | None:
    """Since its last sign of life; None where it ended in order, or never was."""
    try:
        return max(time.time() - settings.HOME.consumer_beat.stat().st_mtime, 0.0)
    except OSError:
        return None


def is_alive() -> bool:
    age_s = heartbeat_age_s()
    return age_s is not None and age_s < DEAD_AFTER_S


def num_waiting_in_vain() -> int:
    """How many running tasks nobody works on, because no consumer lives.

    Whoever runs a task in the foreground works on it as well: an experiment is held, or the last
    one has just ended.
    """
    if is_alive():
        return 0
    now = timezone.now()
    lately = now - timedelta(seconds=DEAD_AFTER_S)
    worked_on = Experiment.objects.filter(task=OuterRef("pk"), run=OuterRef("run")).filter(
        Q(lease_expires_at__gt=now) | Q(completed_at__gt=lately)
    )
    waiting = Task.objects.running().exclude(started_at__gt=lately)
    return waiting.filter(~Exists(worked_on)).count()


def _beat_until(stop: threading.Event) -> None:
    while not stop.wait(BEAT_S):
        _beat()


def _beat() -> None:
    """A beat that cannot be written (the disk is full) never stops the work."""
    try:
        settings.HOME.consumer_beat.touch(mode=0o600)
    except OSError as error:
        logger.warning("%s: %s", settings.HOME.consumer_beat, error)
