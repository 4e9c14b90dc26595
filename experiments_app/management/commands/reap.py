from dataclasses import asdict
from typing import Any

from autotuner_site.commands import SUCCESS, SiteCommand
from experiments_app.reaper import reap


class Command(SiteCommand):
    help = (
        "Take back what dead workers left on this host: their experiments, leases and processes."
        " Touches nothing that a living worker holds."
    )
    offers_json = True

    def run(self, *, json: bool = False, **options: Any) -> int:
        reaped = reap()
        if json:
            self.print_json(asdict(reaped))
        else:
            self.stdout.write(str(reaped) if reaped.anything else "nothing was left behind")
        return SUCCESS
