"""The Huey consumer with the settings that this site relies on."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from experiments_app.consumer import beating
from experiments_app.supervisor import end_with_supervisor

WORKERS = 4


class Command(BaseCommand):
    help = "Run the Huey consumer, which runs the experiments; `serve` starts it with the site."

    def handle(self, *args: Any, **options: Any) -> None:
        end_with_supervisor()
        with beating():
            call_command(
                "run_huey",
                workers=WORKERS,
                worker_type="process",
                # TERM asks the workers to stop. After half a second huey interrupts them once, and
                # the experiment under way is handed back. With TERM as the graceful signal the
                # workers ignore multiprocessing's own TERM, so that the clean-up is not cut short.
                graceful_signal="TERM",
                shutdown_timeout=0.5,
                initial_delay=0.1,
                max_delay=0.5,
            )
