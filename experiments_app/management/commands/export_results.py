import csv
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app.results import MEASUREMENT_FIELDS, RunResults
from tasks_app.importing import find_task
from tasks_app.models import Run, Task

EXPERIMENT_FIELDS = (
    "number",
    "status",
    "feasible",
    "objective_score",
    "error_kind",
    "error",
)


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
            self._print_csv(task, results)
        return SUCCESS

    def _print_csv(self, task: Task, results: RunResults) -> None:
        data = results.to_data()
        flags = sorted({name for e in data["experiments"] for name in e["parameters"]})
        writer = csv.writer(self.stdout)
        writer.writerow(["task", "run", *EXPERIMENT_FIELDS, *flags, *MEASUREMENT_FIELDS])
        for experiment in data["experiments"]:
            head = [task.name, results.run]
            head += [experiment[field] for field in EXPERIMENT_FIELDS]
            head += [experiment["parameters"].get(flag) for flag in flags]
            # An experiment without measurements has a row, too: it says why there are none.
            for measurement in experiment["measurements"] or [{}]:
                writer.writerow(head + [measurement.get(field) for field in MEASUREMENT_FIELDS])
