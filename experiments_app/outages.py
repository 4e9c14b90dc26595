"""The queue or the database is away: said once and then ever more seldom, and mended when they are
back.

Each worker asks for a job twice a second, and would write a traceback each time that it gets no
answer: a night without Redis filled the disk. What was to be woken meanwhile is lost with the
queue, or could not be read; `tick` repairs that, and comes at once instead of with the next minute.
"""

import logging
import mmap
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection
from redis import RedisError

LOOK_EVERY_S = 1.0
TOLD_AGAIN_AFTER_S = 60.0
TOLD_AT_LEAST_EVERY_S = 3600.0
OVER_AFTER_S = 300.0
"""Without anything that failed: for the site's own process, which nobody tells of the end."""
# A lease that a worker could not renew meanwhile has ended by then.
TICKS_AFTER_S = (0.0, 32.0)
ABOUT_QUEUE = ("Error reading ", "Error enqueueing ")
"""How huey's own messages begin where the queue did not answer."""

logger = logging.getLogger(__name__)


class Outage:
    """What is known of it to this process and to those that it forked since, which all tell of the
    same one. Two that are first at the same moment both tell of it: no harm."""

    _fields = struct.Struct("dddd")

    def __init__(self, name: str) -> None:
        self.name = name
        self._memory = mmap.mmap(-1, self._fields.size)

    def note(self) -> float | None:
        """Something did not answer. After how many seconds it will be told again, where it is to be
        told now; else None."""
        since, tell_at, wait_s, last = self._fields.unpack(self._memory[:])
        now = monotonic()
        is_new = not since or now - last > OVER_AFTER_S
        is_told = is_new or now >= tell_at
        if is_told:
            wait_s = TOLD_AGAIN_AFTER_S if is_new else min(2 * wait_s, TOLD_AT_LEAST_EVERY_S)
            tell_at = now + wait_s
        self._memory[:] = self._fields.pack(now if is_new else since, tell_at, wait_s, now)
        return wait_s if is_told else None

    @property
    def is_noted(self) -> bool:
        return self._memory[:] != bytes(self._fields.size)

    def end(self) -> float:
        """For how many seconds it lasted."""
        since: float = self._fields.unpack(self._memory[:])[0]
        self._memory[:] = bytes(self._fields.size)
        return monotonic() - since


QUEUE, DATABASE = Outage("the queue"), Outage("the database")


class OutageFilter(logging.Filter):
    """For the loggers of huey and of requests: one line where there were tracebacks, and that ever
    more seldom."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        outage = _outage_of(record, error)
        if outage is None:
            return True
        again_s = outage.note()
        if again_s is None:
            return False
        lines = str(error).strip().splitlines() or [type(error).__name__]
        record.msg = "%s does not answer: %s. It is asked until it does; said again after %d min"
        record.args = (outage.name, lines[0].rstrip("."), round(again_s / 60))
        record.exc_info = record.exc_text = None
        return True


def _outage_of(record: logging.LogRecord, error: BaseException | None) -> Outage | None:
    if isinstance(record.msg, str) and record.msg.startswith(ABOUT_QUEUE):
        return QUEUE if isinstance(error, RedisError | sqlite3.Error | OSError) else None
    # SQLite's errors are none of a server that is away: their traceback stays.
    lost = isinstance(error, OperationalError | InterfaceError)
    return DATABASE if lost and settings.DATABASE_PATH is None else None


@contextmanager
def mended() -> Iterator[None]:
    """While the block runs: when what was away is back, do what was missed meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=_look_until, args=(stop,), name="outages", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=LOOK_EVERY_S)


def _look_until(stop: threading.Event) -> None:
    from experiments_app.tasks import tick  # the jobs, which register themselves on import

    due: list[float] = []
    while not stop.wait(LOOK_EVERY_S):
        if are_back((QUEUE, _ask_queue), (DATABASE, _ask_database)):
            due = [monotonic() + after_s for after_s in TICKS_AFTER_S]
        while due and monotonic() >= due[0]:
            due.pop(0)
            _enqueue(tick)


def are_back(*asked: tuple[Outage, Callable[[], object]]) -> bool:
    """Whether an outage has ended, all answering again."""
    away = [outage for outage, _ in asked if outage.is_noted]
    if not away or not _all_answer([ask for _, ask in asked]):
        return False
    for outage in away:
        logger.warning("%s answers again, after %.0f s", outage.name, outage.end())
    return True


def _all_answer(asked: Sequence[Callable[[], object]]) -> bool:
    try:
        for ask in asked:
            ask()
    except (RedisError, sqlite3.Error, DatabaseError, OSError):
        return False
    return True


def _ask_queue() -> None:
    settings.HUEY.pending_count()
    settings.HUEY.storage.close()  # a worker that is forked later must not inherit it


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()  # likewise


def _enqueue(tick: Callable[[], object]) -> None:
    try:
        tick()
    except (RedisError, sqlite3.Error, OSError) as error:
        logger.warning("the queue does not answer: %s", error)  # the next minute has one anyway
    finally:
        settings.HUEY.storage.close()
