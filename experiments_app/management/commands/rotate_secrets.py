from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from autotuner_site.commands import FAILURE, SUCCESS, SiteCommand
from experiments_app.secret_rotation import KEYS_KEPT, rotate


class Command(SiteCommand):
    help = (
        "Encrypt every stored secret with a new key, or with the first of SECRETS_KEYS. The key"
        " before it is kept, so that a backup from before can be read."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--forget-old",
            action="store_true",
            help="keep the new key alone: backups from before cannot be read any more",
        )

    def run(self, *, json: bool = False, forget_old: bool = False, **options: Any) -> int:
        done = rotate(keys_kept=1 if forget_old else KEYS_KEPT)
        if json:
            self.print_json(asdict(done))
        else:
            self.stdout.write(f"encrypted anew: {done.rows} task texts, {done.settings} settings")
            for name in done.unreadable_settings:
                self.stderr.write(f"{name} cannot be read: the key is gone. Set it again.")
        return FAILURE if done.unreadable_settings else SUCCESS
