from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import FAILURE, SUCCESS, SiteCommand
from experiments_app.backup.archive import BackupError
from experiments_app.backup.making import make_backup


class Command(SiteCommand):
    prepares_database = False
    help = (
        "Save the database and the data sets into one file, while the site runs; `restore` brings"
        " it back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--with-results", action="store_true", help="logs and results as well")
        parser.add_argument(
            "--without-datasets",
            action="store_true",
            help="leave out the prompts of data sets: keep the originals",
        )
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="the keys that stored secrets are encrypted with: who has the file has them too",
        )

    def run(
        self,
        *,
        file: Path,
        with_results: bool,
        without_datasets: bool,
        with_keys: bool,
        **options: Any,
    ) -> int:
        try:
            made = make_backup(
                file.resolve(),
                with_results=with_results,
                with_datasets=not without_datasets,
                with_keys=with_keys,
            )
        except BackupError as error:
            self.stderr.write(f"no backup was made: {error}")
            return FAILURE
        size = file.stat().st_size / 10**6
        self.stdout.write(f"{file}: {size:.1f} MB, readable by you alone")
        if without_datasets:
            self.stderr.write("Without the files of data sets: keep the originals.")
        elif made.datasets:
            self.stdout.write(f"With the files of data sets: {made.datasets}")
        for name in made.damaged:
            self.stderr.write(f"The files of the data set {name!r} are damaged, and not in it.")
        if with_keys:
            self.stderr.write("It holds the keys of stored secrets: keep it as you keep those.")
        else:
            self.stderr.write(
                "Without the keys (secret_key, settings_key in AUTOTUNER_HOME): on another machine"
                " stored tokens and passwords cannot be read with it. --with-keys includes them."
            )
        return SUCCESS
