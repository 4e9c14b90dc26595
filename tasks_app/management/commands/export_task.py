from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, SiteCommand
from tasks_app.importing import find_task
from tasks_app.masking import masked_document
from tasks_app.taskfile import dump_document


class Command(SiteCommand):
    help = (
        "Print a task as a task file (YAML). Values of environment variables whose names look like"
        " secrets are masked: put them in again where the file is imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")

    def run(self, *, name: str, **options: Any) -> int:
        document = masked_document(find_task(name).spec.to_data())
        self.stdout.write(dump_document(document), ending="")
        return SUCCESS
