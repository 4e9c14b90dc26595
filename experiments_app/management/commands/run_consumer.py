"""The Huey consumer with the settings that this site relies on."""

import os
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from experiments_app import outages
from experiments_app.consumer import beating
from experiments_app.monitoring.queue_lag import WORKERS
from experiments_app.services import CannotServe, check_services
from experiments_app.supervisor import SUPERVISED, end_with_supervisor


class Command(BaseCommand):
    help = "Run the Huey consumer, which runs the experiments; `serve` starts it with the site."

    def handle(self, *args: Any, **options: Any) -> None:
        end_with_supervisor()
        if SUPERVISED not in os.environ:  # `serve` has looked already
            try:
                check_services()
            except CannotServe as error:
                raise CommandError(str(error)) from error
        connections.close_all()  # the workers are forks: none may inherit one
        with beating(), outages.mended():
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
