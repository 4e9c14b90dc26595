from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app.results import RunResults
from experiments_app.results_file import csv_lines
from tasks_app.importing import find_task
from tasks_app.models import Run


class Command(SiteCommand):
    help = "Print the results of a task's run: JSON as `tune --json`, or CSV, a row a load level."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--format", choices=("csv", "json"), default="json")
        parser.add_argument("--run", type=int, dest="number", help="default: the latest run")

    def run(self, *, name: str, format: str, number: int | None, **options: Any) -> int:  # noqa: A002
        task = find_task(name)
        if number is not None and not Run.objects.filter(task=task, number=number).exists():
            raise BadInput(f"task {name!r} has no run {number}")
        results = RunResults(task, number)
        if format == "json":
            self.print_json(results.to_data())
        else:
            for line in csv_lines(results):
                if not self.print(line, ending=""):
                    break
        return SUCCESS
