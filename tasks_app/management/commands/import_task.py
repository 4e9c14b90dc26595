from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import BAD_INPUT, SUCCESS, SiteCommand
from tasks_app.importing import import_database, import_file
from tasks_app.legacy_database import is_database
from tasks_app.problems import Problem


class Command(SiteCommand):
    help = (
        "Make a task of a task file (YAML or JSON). Files of novitalabs/inference-autotuner are"
        " converted, and of its database (autotuner.db) every task is imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def run(self, *, file: Path, **options: Any) -> int:
        if is_database(file):
            return self._import_database(file)
        task, warnings = import_file(file)
        self._warn(warnings)
        self.stdout.write(f"imported {task.name}")
        return SUCCESS

    def _import_database(self, file: Path) -> int:
        exit_code = SUCCESS
        for name, warnings, error in import_database(file):
            if error is None:
                self.stdout.write(f"imported {name}")
                self._warn(warnings)
            else:
                exit_code = BAD_INPUT
                self.stderr.write(f"not imported: {name}")
                for problem in error.problems:
                    self.stderr.write(f"  {problem}")
        return exit_code

    def _warn(self, warnings: Iterable[Problem]) -> None:
        for warning in warnings:
            self.stderr.write(f"warning: {warning}")
