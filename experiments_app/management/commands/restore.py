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

    def run(self, *, file: Path, with_keys: bool, **options: Any) -> int:
        try:
            kept = restore(file.resolve(), with_keys=with_keys)
        except BackupError as error:
            self.stderr.write(f"not restored: {error}")
            return FAILURE
        self.stdout.write(f"Restored. What was replaced is kept in {kept}")
        if with_keys:
            self.stderr.write("Restart the site, so that it reads the keys.")
        return SUCCESS
