from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import FAILURE, SUCCESS, SiteCommand
from experiments_app.backup.archive import BackupError
from experiments_app.backup.restoring import restore


class Command(SiteCommand):
    prepares_database = False
    help = (
        "Bring a backup back, while the site runs or not. Experiments under way are handed back"
        " first, and what is replaced is kept."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--with-keys", action="store_true", help="its keys too, in place of this site's"
        )

        parser.add_argument(
            "--even-if-damaged",
            action="store_true",
            help="also where the database that is there cannot be saved before: it is lost",
        )

    def run(self, *, file: Path, with_keys: bool, even_if_damaged: bool, **options: Any) -> int:
        try:
            done = restore(file.resolve(), with_keys=with_keys, even_if_damaged=even_if_damaged)
        except BackupError as error:
            self.stderr.write(f"not restored: {error}")
            return FAILURE
        self.stdout.write(f"Restored. What was replaced is kept in {done.kept}")
        for name in done.without_files:
            self.stderr.write(
                f"The data set {name!r} has no files here: bring them back from the folder datasets"
                " of an earlier restore, or remove it and add it again."
            )
        if with_keys:
            self.stderr.write("Restart the site, so that it reads the keys.")
        return SUCCESS
