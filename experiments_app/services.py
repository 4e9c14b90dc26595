"""The database and the queue: whether they answer, and in which words it is told that they do not.

An error of a server may repeat its address: no message here holds a password.
"""

import sqlite3

from django.conf import settings
from django.db import DatabaseError, Error, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from redis import AuthenticationError, RedisError

from autotuner_site.service_urls import address_of
from experiments_app.system.outcome import Outcome, fault, fine, warning
from tasks_app.masking import mask_text

QUEUE_ERRORS = (RedisError, sqlite3.Error, OSError)
RESTORE = "stop the site and bring a backup back: manage.py restore FILE"


class CannotServe(Exception):
    """The site cannot be started; the message says why and what would help."""


def database_place() -> str:
    return str(settings.DATABASE_PATH or address_of(settings.DATABASE_URL))


def queue_place() -> str:
    return address_of(settings.REDIS_URL) if settings.REDIS_URL else str(settings.HOME.queue)


def check_services() -> None:
    """Before a site starts. Raises CannotServe."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        damage = damage_of_database()
    except Error as error:
        damage = _damage_told_by(error)
        if not damage:
            raise CannotServe(f"the database {told(error)}; {remedy()}") from error
    if damage:
        raise CannotServe(
            f"the database {database_place()} is damaged and is not served: {damage}; {RESTORE}"
        )
    try:
        ask_queue()
    except QUEUE_ERRORS as error:
        raise CannotServe(
            f"the queue {queue_place()} cannot be used: {_first_line(error)};"
            f" {_queue_remedy(error)}"
        ) from error


def damage_of_database() -> str:
    """What SQLite finds wrong in its file; empty where nothing is. A server checks its own.

    Raises Error where the file cannot be read at all."""
    if settings.DATABASE_PATH is None:
        return ""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(5)")
        found = [line for (line,) in cursor.fetchall() if line != "ok"]
    return "; ".join(" ".join(line.split()) for line in found)


def _damage_told_by(error: Error) -> str:
    """Where SQLite stumbles over its file; not where that is locked or cannot be opened."""
    stumbled = settings.DATABASE_PATH and isinstance(error, DatabaseError)
    return _first_line(error) if stumbled and not isinstance(error, OperationalError) else ""


def check_database() -> Outcome:
    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        damage = damage_of_database()
    except Error as error:
        return fault(told(error), remedy())
    if damage:
        return fault(f"{database_place()}: {damage}", RESTORE)
    if waiting:
        return warning(f"{len(waiting)} migrations wait", "run manage.py migrate")
    return fine(database_place())


def check_queue() -> Outcome:
    try:
        jobs = ask_queue()
    except QUEUE_ERRORS as error:
        return fault(f"{queue_place()}: {_first_line(error)}", _queue_remedy(error))
    return fine(f"{queue_place()}, {jobs or 'no'} job{'s' if jobs != 1 else ''} in it")


def ask_queue() -> int:
    """How many jobs stand in it. Raises one of QUEUE_ERRORS."""
    return int(settings.HUEY.pending_count())


def told(error: Exception) -> str:
    return f"{database_place()}: {_first_line(error)}"


def remedy() -> str:
    if settings.DATABASE_PATH:
        return RESTORE
    return (
        "start the server, or mend DATABASE_URL: host, port, user, password (quoted as in an"
        " address), name of the database, which must exist already"
    )


def _queue_remedy(error: Exception) -> str:
    if not settings.REDIS_URL:
        return "see whether the disk is full; the file may be removed while the site is stopped"
    if isinstance(error, AuthenticationError):
        return "mend the password in REDIS_URL"
    return "start the server or mend REDIS_URL; without one the queue is kept in SQLite"


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    password = settings.DATABASES["default"].get("PASSWORD", "")
    return mask_text(text, {}, *([password] if password else []))[:500]
