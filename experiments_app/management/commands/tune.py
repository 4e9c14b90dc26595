from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import (
    FAILURE,
    INTERRUPTED,
    BadInput,
    SiteCommand,
    end_on_signals,
)
from experiments_app import lifecycle
from experiments_app.ci.options import Asked
from experiments_app.ci.options import add_arguments as add_ci_arguments
from experiments_app.ci.regression import Stored
from experiments_app.ci.report import Report
from experiments_app.foreground import run_in_foreground
from experiments_app.reaper import reap
from experiments_app.results import RunResults
from experiments_app.terminal import follow, print_results
from tasks_app.importing import find_task, import_or_find
from tasks_app.models import StaleState, Task
from tasks_app.problems import SpecError


class Command(SiteCommand):
    help = (
        "Tune a task in the foreground and print the result. A file is imported first, unless the"
        " same task is there already; a task that has run before gets a new run, a paused one goes"
        " on. Ctrl-C cancels it."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file_or_name", metavar="FILE_OR_NAME")
        parser.add_argument(
            "--more",
            type=int,
            metavar="N",
            help="go on with the last run, which has ended, for N further experiments",
        )
        add_ci_arguments(parser)

    def run(self, *, file_or_name: str, json: bool, more: int | None, **options: Any) -> int:
        asked = Asked.of(options)
        task = self._task(file_or_name)
        goes_on = more is not None or task.status == Task.Status.PAUSED
        stored = asked.stored(task, goes_on=goes_on)
        reap()
        end_on_signals()
        interrupted = False
        try:
            self._start(task, more)
            with follow(task):
                run_in_foreground(task)
        except KeyboardInterrupt:
            interrupted = True
            self._end(task, lifecycle.cancel_task)
        except BadInput:
            raise  # not begun
        except Exception as error:
            message = f"a fault of this program: {type(error).__name__}: {error}"
            self._end(task, lambda task: task.fail(message))
            self._write(self._report(task, asked, stored))
            raise
        report = self._report(task, asked, stored)
        code = INTERRUPTED if interrupted else report.exit_code
        is_written = self._write(report)
        if json:
            self.print_json({**report.data, **report.to_data()})
        else:
            print_results(report.results)
            for line in report.lines:
                self.stderr.write(line)
        return code if is_written else code or FAILURE

    def _report(self, task: Task, asked: Asked, stored: Stored | None) -> Report:
        task.refresh_from_db()
        results = RunResults(task)
        return Report(asked, stored, results, results.to_data())

    def _write(self, report: Report) -> bool:
        faults = report.write_files()
        for fault in faults:
            self.stderr.write(fault)
        return not faults

    def _task(self, file_or_name: str) -> Task:
        path = Path(file_or_name)
        if not path.is_file():
            return find_task(file_or_name)
        task, warnings = import_or_find(path)
        for warning in warnings:
            self.stderr.write(f"warning: {warning}")
        return task

    def _start(self, task: Task, more: int | None) -> None:
        try:
            if more is not None:
                lifecycle.extend_task(task, more=more, wake_consumer=False)
            elif task.status == Task.Status.PAUSED:
                lifecycle.resume_task(task, wake_consumer=False)
            else:
                lifecycle.start_or_restart(task, wake_consumer=False)
        except (SpecError, StaleState) as error:
            raise BadInput(str(error)) from error

    def _end(self, task: Task, end: Callable[[Task], None]) -> None:
        with suppress(StaleState):  # it had not begun, or ended just before
            end(task)
