from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app.reproduce import reproduce
from tasks_app.importing import find_task
from tasks_app.masking import masked_document
from tasks_app.models import Run
from tasks_app.problems import SpecError


class Command(SiteCommand):
    help = (
        "Make a task that does a run again: its task file as it stood, on the very image that it"
        " measured. What cannot be held on to is said. The task is not started."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("task", metavar="NAME")
        parser.add_argument("--run", type=int, dest="number", help="default: the latest run")
        parser.add_argument("--name", default="", help="of the new task; default: the next free")

    def run(self, *, task: str, number: int | None, name: str, **options: Any) -> int:
        found = find_task(task)
        run = Run.objects.filter(task=found, number=number or found.run).first()
        if run is None:
            raise BadInput(f"task {task!r} has no run {number or found.run}")
        try:
            made = reproduce(run, name=name)
        except SpecError as error:
            raise BadInput(str(error)) from error
        if options["json"]:
            self.print_json(
                {
                    "task": made.task.name,
                    "of": {"task": found.name, "run": run.number},
                    "warnings": list(made.warnings),
                    "spec": masked_document(made.task.spec.to_data()),
                }
            )
            return SUCCESS
        self.print(f"Made task {made.task.name!r}: start it with `tune {made.task.name!r}`.")
        for warning in made.warnings:
            self.print(f"- {warning}")
        return SUCCESS
