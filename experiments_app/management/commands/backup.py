from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import FAILURE, SUCCESS, SiteCommand
from experiments_app.backup.archive import BackupError
from experiments_app.backup.making import make_backup


class Command(SiteCommand):
    prepares_database = False
    help = "Save the database into one file, while the site runs; `restore` brings it back."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--with-results", action="store_true", help="logs and results as well")
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="the keys that stored secrets are encrypted with: who has the file has them too",
        )

    def run(self, *, file: Path, with_results: bool, with_keys: bool, **options: Any) -> int:
        try:
            make_backup(file.resolve(), with_results=with_results, with_keys=with_keys)
        except BackupError as error:
            self.stderr.write(f"no backup was made: {error}")
            return FAILURE
        size = file.stat().st_size / 10**6
        self.stdout.write(f"{file}: {size:.1f} MB, readable by you alone")
        if with_keys:
            self.stderr.write("It holds the keys of stored secrets: keep it as you keep those.")
        else:
            self.stderr.write(
                "Without the keys (secret_key, settings_key in AUTOTUNER_HOME): on another machine"
                " stored tokens and passwords cannot be read with it. --with-keys includes them."
            )
        return SUCCESS
