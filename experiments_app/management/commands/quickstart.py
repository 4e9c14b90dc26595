import os
import sys
import time
import webbrowser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandParser

from autotuner_site.commands import FAILURE, INTERRUPTED, SUCCESS, SiteCommand, end_on_signals
from autotuner_site.first_admin import create_first_admin, sign_in_path
from experiments_app import lifecycle
from experiments_app.results import RunResults
from experiments_app.services import CannotServe, check_services
from experiments_app.supervisor import Supervisor, stop_on_signals
from experiments_app.terminal import follow, print_results
from tasks_app.importing import ensure_builtin_task
from tasks_app.models import StaleState, Task
from tasks_app.problems import SpecError

DEFAULT_PORT = 8765
HOST = "127.0.0.1"


class Command(SiteCommand):
    prepares_database = False
    help = (
        "Set up, start site and consumer, and tune the built-in model (SmolLM2-135M on llama.cpp,"
        " on this machine's CPU), with a progress bar here and the live page in the browser."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the site")
        parser.add_argument("--exit", action="store_true", help="end when the task has ended")

    def run(self, *, port: int, exit: bool, json: bool, **options: Any) -> int:  # noqa: A002
        try:
            check_services()
            call_command("migrate", verbosity=0, interactive=False)
            create_first_admin()
            supervisor = Supervisor(HOST, port, log_path=settings.HOME.logs / "site.log")
            end_on_signals()
            with supervisor:
                supervisor.wait_answering()
                task = ensure_builtin_task()
                self._start(task)
                self._tell_where(supervisor, task, open_browser=not (exit or json))
                return self._watch(supervisor, task, leave=exit, json=json)
        except (CannotServe, SpecError) as error:
            self.stderr.write(str(error))
            return FAILURE

    def _start(self, task: Task) -> None:
        """Start it, or a new run of it; one that runs already is followed, a paused one resumed."""
        if task.status == Task.Status.RUNNING:
            return
        try:
            if task.status == Task.Status.PAUSED:
                lifecycle.resume_task(task)
            else:
                lifecycle.start_or_restart(task)
        except StaleState:
            task.refresh_from_db()

    def _tell_where(self, supervisor: Supervisor, task: Task, *, open_browser: bool) -> None:
        page = f"/tasks/{task.pk}/"
        # Whoever may run this command may read the database anyway: signing in gives no more.
        admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        link = f"{supervisor.url}{sign_in_path(admin)}?next={page}" if admin else ""
        self.stderr.write(f"The live page: {supervisor.url}{page}")
        if link:
            self.stderr.write(f"Sign in with this link, it works once:\n  {link}")
        if open_browser and link and _has_display():
            webbrowser.open(link)

    def _watch(self, supervisor: Supervisor, task: Task, *, leave: bool, json: bool) -> int:
        try:
            with follow(task):
                while Task.objects.under_way().filter(pk=task.pk).exists():
                    supervisor.watch()
                    time.sleep(0.3)
        except KeyboardInterrupt:
            self.stderr.write("stopped; `make serve` goes on where it was")
            return INTERRUPTED
        task.refresh_from_db()
        results = RunResults(task)
        if json:
            self.print_json(results.to_data())
            self.stdout.flush()
        else:
            print_results(results)
        if not leave:
            self.stderr.write(f"The site goes on: {supervisor.url} (Ctrl-C to stop)")
            stop_on_signals(supervisor)
            supervisor.run()
        return SUCCESS if task.status == Task.Status.COMPLETED else FAILURE


def _has_display() -> bool:
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
