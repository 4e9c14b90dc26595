from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, SiteCommand
from tasks_app.importing import find_task
from tasks_app.taskfile import dump_task


class Command(SiteCommand):
    help = "Print a task as a task file (YAML)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")

    def run(self, *, name: str, **options: Any) -> int:
        self.stdout.write(dump_task(find_task(name).spec), ending="")
        return SUCCESS
