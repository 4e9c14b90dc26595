import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, BadInput, SiteCommand
from experiments_app.output_file import write_file, write_output
from experiments_app.results import RunResults
from experiments_app.results_file import csv_lines
from experiments_app.results_parquet import parquet_parts
from tasks_app.importing import find_task
from tasks_app.models import Run


class Command(SiteCommand):
    help = (
        "Print the results of a task's run: JSON as `tune --json`, or CSV or Parquet, a row a load"
        " level."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--format", choices=tuple(FORMATS), default="json")
        parser.add_argument("--run", type=int, dest="number", help="default: the latest run")
        parser.add_argument(
            "--output", type=Path, help="a file, written whole or not at all; else standard output"
        )

    def run(
        self,
        *,
        name: str,
        format: str,  # noqa: A002
        number: int | None,
        output: Path | None,
        **options: Any,
    ) -> int:
        task = find_task(name)
        if number is not None and not Run.objects.filter(task=task, number=number).exists():
            raise BadInput(f"task {name!r} has no run {number}")
        parts = FORMATS[format](RunResults(task, number))
        if output is not None:
            size = write_file(output, parts)
            self.stderr.write(f"{output}: {size:,} bytes")
        elif format == "parquet":
            write_output(self.stdout, parts)
        else:
            for part in parts:
                if not self.print(part.decode(), ending=""):
                    break
        return SUCCESS


def _json(results: RunResults) -> Iterator[bytes]:
    yield (json.dumps(results.to_data(), indent=2, ensure_ascii=False, allow_nan=False)).encode()
    yield b"\n"


def _csv(results: RunResults) -> Iterator[bytes]:
    return (line.encode() for line in csv_lines(results))


FORMATS: Mapping[str, Callable[[RunResults], Iterator[bytes]]] = {
    "json": _json,
    "csv": _csv,
    "parquet": parquet_parts,
}
