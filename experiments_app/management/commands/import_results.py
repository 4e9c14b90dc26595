from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app.past_import import import_results


class Command(SiteCommand):
    help = (
        "Take in the results of another site (JSON of `export_results`): the search of comparable"
        " tasks learns from them. The same results are taken in once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def run(self, *, file: Path, **options: Any) -> int:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror}") from error
        results, is_new = import_results(content)
        told = "imported" if is_new else "known already, nothing changed:"
        self.stdout.write(f"{told} {results}: {len(results.trials)} experiments to learn from")
        return SUCCESS
