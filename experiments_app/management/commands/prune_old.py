from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import SUCCESS, SiteCommand
from experiments_app.retention import prune, vacuum


class Command(SiteCommand):
    help = (
        "Remove what is older than the settings KEEP_… keep: never what runs, and never the newest"
        " run of a task. The consumer does it each night."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument(
            "--vacuum",
            action="store_true",
            help="give the disk back what the database does not need; nobody writes meanwhile",
        )

    def run(
        self, *, json: bool = False, dry_run: bool = False, vacuum: bool = False, **options: Any
    ) -> int:
        done = prune(dry_run=dry_run)
        if vacuum and not dry_run:
            done.database_bytes = give_back()
        if json:
            self.print_json(asdict(done))
            return SUCCESS
        self.stdout.write(f"{'would be removed' if dry_run else 'removed'}: {done}")
        for name in (*done.tasks, *done.runs):
            self.stdout.write(f"  {name}")
        if vacuum and not dry_run:
            self.stdout.write(f"the database is {done.database_bytes:,} bytes smaller")
        return SUCCESS


def give_back() -> int:
    return vacuum(always=True)
