"""What this site's commands have in common: exit codes, and clean JSON on standard output."""

import json
import os
import signal
import sys
from types import FrameType
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

SUCCESS, FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class BadInput(CommandError):
    """What the user gave is wrong: exit code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=BAD_INPUT)


class SiteCommand(BaseCommand):
    """A command that returns its exit code from `run()`; with --json it prints one JSON object.

    Exit codes: 0 success, 1 failure, 2 bad input, 130 interrupted.
    """

    # They look at the code, which `make lint` has done: every start would take an eighth longer.
    requires_system_checks = ()
    offers_json = False
    prepares_database = True
    """Whether `run()` relies on a database with all its tables: a new one is made before it."""

    def add_arguments(self, parser: CommandParser) -> None:
        if self.offers_json:
            parser.add_argument(
                "--json", action="store_true", help="print one JSON object on standard output"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if self.prepares_database:
                prepare_database()
            exit_code = self.run(**options)
        except KeyboardInterrupt:
            self.stderr.write("interrupted")
            exit_code = INTERRUPTED
        self.print("", ending="")
        if exit_code != SUCCESS:
            sys.exit(exit_code)

    def run(self, *args: Any, **options: Any) -> int:
        """The command's work; returns its exit code."""
        raise NotImplementedError

    def print_json(self, data: object) -> None:
        self.print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))

    def print(self, text: str, *, ending: str = "\n") -> bool:
        """On standard output, at once; False where nobody reads it any more (`… | head`). That
        says nothing of the command's own work, so its exit code stays what it is."""
        try:
            self.stdout.write(text, ending=ending)
            self.stdout.flush()
        except BrokenPipeError:
            _write_to_nobody()
            return False
        return True


def _write_to_nobody() -> None:
    """Python flushes standard output once more at its end, and must not complain there again."""
    with open(os.devnull, "w") as nobody:  # noqa: PTH123  no path is worked with
        os.dup2(nobody.fileno(), sys.stdout.fileno())


def prepare_database() -> None:
    """Make the tables of a new database. Raises CommandError where it is of an earlier version,
    which is not changed unasked: a site may run on it.
    """
    try:
        if not connection.introspection.table_names():
            call_command("migrate", verbosity=0, interactive=False)
            return
        executor = MigrationExecutor(connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise CommandError(f"the database cannot be used: {error}", returncode=FAILURE) from error
    if behind:
        raise CommandError(
            "the database is of an earlier version of this program: run manage.py migrate, or"
            " start the site, which does it",
            returncode=FAILURE,
        )


def end_on_signals() -> None:
    """SIGTERM ends a command as Ctrl-C does; so does SIGINT where a shell had it ignored."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
