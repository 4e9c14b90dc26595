"""The queue or the database is away: what the consumer says, and does when they are back."""

import logging
import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from django.conf import LazySettings, settings
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisAway

from experiments_app import outages
from experiments_app.outages import DATABASE, QUEUE, Outage, OutageFilter, are_back
from tests.waiting import wait_for

READING = ("huey.consumer.Worker", "Error reading from queue")
JOB = ("huey", "Unhandled exception in task %s.")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Time that passes when a test says so."""
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr("experiments_app.outages.monotonic", lambda: now.s)
    yield now
    for outage in (QUEUE, DATABASE):
        outage.end()


@pytest.fixture
def said(clock: SimpleNamespace) -> Iterator[list[str]]:
    """What huey's loggers write, as the site's settings have them."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(  # type: ignore[method-assign]
        record.getMessage() + (" TRACEBACK" if record.exc_info else "")
    )
    logger = logging.getLogger("huey")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def tell(source: tuple[str, str], error: Exception) -> None:
    """As huey does it."""
    name, message = source
    try:
        raise error
    except type(error):
        logging.getLogger(name).exception(message, *(["x"] if "%s" in message else []))


def test_a_night_without_the_queue_is_some_lines_and_no_traceback(
    said: list[str], clock: SimpleNamespace
) -> None:
    for _ in range(12 * 3600 * 2):
        tell(READING, RedisAway("Error 111 connecting to 127.0.0.1:6379.\nmore"))
        clock.s += 0.5
    assert said[0] == (
        "the queue does not answer: Error 111 connecting to 127.0.0.1:6379. It is asked until it"
        " does; said again after 1 min"
    )
    assert 10 < len(said) < 25
    assert not any("TRACEBACK" in line or "more" in line for line in said)


def test_after_some_quiet_minutes_it_is_another_outage(
    said: list[str], clock: SimpleNamespace
) -> None:
    for _ in range(2):
        for _ in range(3):
            tell(READING, RedisAway("x"))
        clock.s += outages.OVER_AFTER_S + 1
    assert len(said) == 2
    assert said[1].endswith("said again after 1 min")


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), OSError(111, "x")])
def test_any_queue_that_cannot_be_read_is_told_so(said: list[str], error: Exception) -> None:
    tell(READING, error)
    tell(("huey.consumer.Scheduler", "Error reading schedule."), error)
    (line,) = said
    assert line.startswith("the queue does not answer")


def test_a_bug_keeps_its_traceback(said: list[str], settings: LazySettings) -> None:
    settings.DATABASE_PATH = None
    tell(READING, KeyError("x"))
    tell(JOB, ValueError("x"))
    tell(JOB, OSError("of the job, not of the queue"))
    assert len(said) == 3
    assert all(line.endswith("TRACEBACK") for line in said)


def test_a_database_server_that_is_away_is_told_like_that(
    said: list[str], settings: LazySettings
) -> None:
    settings.DATABASE_PATH = None
    for _ in range(3):
        tell(JOB, OperationalError("connection refused"))
    (line,) = said
    assert line.startswith("the database does not answer: connection refused")


def test_sqlite_is_no_server_that_could_be_away(said: list[str], settings: LazySettings) -> None:
    settings.DATABASE_PATH = settings.HOME.database
    tell(JOB, OperationalError("database is locked"))
    assert said == ["Unhandled exception in task x. TRACEBACK"]


def test_what_a_forked_worker_notes_its_parent_and_siblings_know() -> None:
    outage = Outage("x")
    fork = multiprocessing.get_context("fork")
    worker = fork.Process(target=outage.note)
    worker.start()
    worker.join()
    assert outage.is_noted
    assert outage.note() is None
    outage.end()
    assert not outage.is_noted


def asking(*errors: Exception | None) -> Callable[[], None]:
    """One answer after the other."""
    coming = iter(errors)

    def ask() -> None:
        if error := next(coming):
            raise error

    return ask


def test_it_is_back_once_everything_answers(
    clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    queue = asking(RedisAway("x"), None, None)
    database = asking(OperationalError("x"), None)
    both = ((QUEUE, queue), (DATABASE, database))
    assert not are_back(*both)  # nothing was away, and nothing is asked
    QUEUE.note()
    clock.s += 90
    assert [are_back(*both) for _ in range(4)] == [False, False, True, False]
    assert [record.getMessage() for record in caplog.records] == [
        "the queue answers again, after 90 s"
    ]


def test_the_filter_stands_where_huey_writes() -> None:
    loggers = ("huey", "huey.consumer.Worker", "huey.consumer.Scheduler", "django.request")
    for name in loggers:
        assert any(isinstance(f, OutageFilter) for f in logging.getLogger(name).filters)


@pytest.mark.django_db(transaction=True)
def test_what_was_missed_is_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(outages, "TICKS_AFTER_S", (0.0, 0.1))
    queue = settings.HUEY
    queue.flush()
    with outages.mended():
        assert queue.pending_count() == 0
        QUEUE.note()
        DATABASE.note()
        wait_for(lambda: queue.pending_count() == 2, timeout_s=60)
        assert [outage.is_noted for outage in (QUEUE, DATABASE)] == [False, False]
    assert [queue.dequeue().name for _ in range(2)] == ["tick", "tick"]
