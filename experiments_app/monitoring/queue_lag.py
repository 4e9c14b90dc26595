"""How far the workers are behind: each job that one takes is noted, and one is due every minute."""

import logging
import time
from typing import Any

from django.conf import settings
from django.utils import timezone
from huey.signals import SIGNAL_EXECUTING

from experiments_app.models import Experiment

logger = logging.getLogger(__name__)

WORKERS = 4
JOB_DUE_S = 60.0
"""`tasks.tick` goes through the queue this often."""


def note_job() -> None:
    """A worker lives and took something. What cannot be noted never stops the work."""
    try:
        settings.HOME.last_job.touch(mode=0o600)
    except OSError as error:
        logger.warning("%s: %s", settings.HOME.last_job, error)


def _note(signal: str, job: Any) -> None:
    del signal, job
    note_job()


settings.HUEY.signal(SIGNAL_EXECUTING)(_note)


def queue_lag_s() -> float:
    """For how many seconds a job has been due that no worker took; infinite where none ever was.

    While every worker is at an experiment jobs wait as they should: that is no lag.
    """
    try:
        age_s = time.time() - settings.HOME.last_job.stat().st_mtime
    except OSError:
        age_s = float("inf")
    lag_s = max(age_s - JOB_DUE_S, 0.0)
    return 0.0 if lag_s and num_at_work() >= WORKERS else lag_s


def num_at_work() -> int:
    """Experiments that a worker holds."""
    return Experiment.objects.active().filter(lease_expires_at__gt=timezone.now()).count()
