from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, SiteCommand
from tasks_app.importing import find_task
from tasks_app.taskfile import dump_for_people


class Command(SiteCommand):
    help = (
        "Print a task as a task file (YAML). The hub token, passwords of proxies and the values of"
        " variables whose names look like secrets are masked: put them in again where the file is"
        " imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")

    def run(self, *, name: str, **options: Any) -> int:
        self.print(dump_for_people(find_task(name).spec.to_data()), ending="")
        return SUCCESS
