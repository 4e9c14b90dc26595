from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import FAILURE, SUCCESS, BadInput, SiteCommand
from experiments_app.datasets import taking
from tasks_app.datasets.adding import add_address, add_file
from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.reading import Format, Kind
from tasks_app.models import Dataset


class Command(SiteCommand):
    help = (
        "Take a data set for the benchmark: JSON lines or a JSON list, CSV, text with a prompt a"
        " line, or conversations (ShareGPT); also packed as .gz, .zip or .tar.gz. FILE_OR_URL is a"
        " file of this machine, or an address that begins with https:// or http://."
    )

    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file_or_url", metavar="FILE_OR_URL")
        parser.add_argument("--name", default="", help="what tasks call it by; default: the file's")
        parser.add_argument("--description", default="")
        parser.add_argument("--format", choices=list(Format), default="", help="default: told by")
        parser.add_argument("--prompt-column", default="", help="of CSV and JSON")
        parser.add_argument("--answer-column", default="", help="of CSV and JSON")
        parser.add_argument(
            "--turns",
            choices=list(Kind),
            default=Kind.FIRST.value,
            help="which turns of the human are prompts, of a conversation",
        )

    def run(self, *, file_or_url: str, name: str, **options: Any) -> int:
        fields = {
            key: options[key]
            for key in ("description", "format", "prompt_column", "answer_column", "turns")
        }
        try:
            if "://" in file_or_url:
                dataset = add_address(file_or_url, name, **fields)
            else:
                dataset = add_file(Path(file_or_url), name, **fields)
        except DatasetError as error:
            raise BadInput(str(error)) from error
        except OSError as error:
            raise BadInput(f"{file_or_url}: {error.strerror}") from error
        return self._take(dataset, as_json=options["json"])

    def _take(self, dataset: Dataset, *, as_json: bool) -> int:
        """What is not taken is not kept: here it can be asked for once more."""
        try:
            taking.take(dataset.pk)
        except BaseException:
            taking.remove(dataset)
            raise
        dataset.refresh_from_db()
        if dataset.is_ready:
            told = ("name", "rows", "answers", "left_out", "size_bytes", "sha256", "lengths")
            if as_json:
                self.print_json({name: getattr(dataset, name) for name in told})
            else:
                self.stdout.write(f"took {dataset.name}: {dataset.rows} prompts, {dataset.sha256}")
            return SUCCESS
        taking.remove(dataset)
        if dataset.status == Dataset.Status.CHOOSING:
            known = ", ".join(dataset.columns)
            raise BadInput(f"which column holds the prompts? Say --prompt-column: {known}")
        self.stderr.write(f"{dataset.source}: {dataset.message}")
        return FAILURE
