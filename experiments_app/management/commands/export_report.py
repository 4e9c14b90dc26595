from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app.html_report.page import NotStarted, report_html
from experiments_app.output_file import write_file
from tasks_app.importing import find_task


class Command(SiteCommand):
    help = (
        "Print the report of a task's run: one HTML file with the answer, the charts, every"
        " experiment, how it was measured, and the raw data. It needs no network to be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--run", type=int, dest="number", help="default: the latest run")
        parser.add_argument(
            "--output", type=Path, help="a file, written whole or not at all; else standard output"
        )

    def run(self, *, name: str, number: int | None, output: Path | None, **options: Any) -> int:
        try:
            html = report_html(find_task(name), number)
        except NotStarted as error:
            raise BadInput(str(error)) from error
        if output is None:
            self.stdout.write(html, ending="")
        else:
            size = write_file(output, [html.encode()])
            self.stderr.write(f"{output}: {size:,} bytes")
        return SUCCESS
