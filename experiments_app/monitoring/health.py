"""Whether the site can do its work. Each check looks for itself, and says what is wrong in words
that anybody may read: no path, no host, no name of a user; the log has the rest.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Mapping

from django.conf import settings
from django.db import Error as DatabaseFault

from experiments_app import consumer, disk
from experiments_app.disk_watch import HELD_FOR
from experiments_app.monitoring.queue_lag import queue_lag_s
from experiments_app.services import QUEUE_ERRORS, ask_queue
from tasks_app.masking import mask_urls
from tasks_app.models import Task

logger = logging.getLogger(__name__)

OK = "ok"
STARTING = "starting"
"""As good as "ok": what is started together with the site has not yet had its time."""
STARTING_S = 30.0
MAX_LAG_S = 120.0

_loaded_at = time.monotonic()


def examine() -> dict[str, str]:
    """What each check found: OK, STARTING, or what is wrong."""
    return {name: _found(name, check) for name, check in CHECKS.items()}


def is_well(found: Mapping[str, str]) -> bool:
    return set(found.values()) <= {OK, STARTING}


def _found(name: str, check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseFault as error:
        _tell(name, error)
        return "the database does not answer"
    except QUEUE_ERRORS as error:
        _tell(name, error)
        return "the queue does not answer" if name == "queue" else "cannot be read"


def _tell(name: str, error: Exception) -> None:
    logger.warning("health, %s: %s", name, mask_urls(str(error)))


def _database() -> str:
    Task.objects.exists()
    return OK


def _home() -> str:
    try:
        with tempfile.TemporaryFile(dir=settings.AUTOTUNER_HOME) as file:
            file.write(b"ok")
            file.flush()
    except OSError as error:
        return f"the data folder cannot be written: {error.strerror or type(error).__name__}"
    return OK


def _disk() -> str:
    """Not well until tasks go on again, which takes more room than the least."""
    room = disk.room()
    if room.is_short:
        return f"nearly full: {room.amounts}"
    if not room.is_ample and Task.objects.filter(held_for=HELD_FOR).exists():
        return f"tasks are paused until there is more room: {room.amounts}"
    return OK


def _consumer() -> str:
    if consumer.is_alive():
        return OK
    return STARTING if _is_starting() else "the consumer is not running: no experiment is run"


def _queue() -> str:
    ask_queue()
    lag_s = queue_lag_s()
    if lag_s <= MAX_LAG_S:
        return OK
    if _is_starting():
        return STARTING
    since = f"for {lag_s:.0f} s" if lag_s < float("inf") else "yet"
    return f"no worker has taken the job that is due {since}"


def _is_starting() -> bool:
    return time.monotonic() - _loaded_at < STARTING_S


CHECKS: Mapping[str, Callable[[], str]] = {
    "database": _database,
    "home": _home,
    "disk": _disk,
    "consumer": _consumer,
    "queue": _queue,
}
