from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser

from autotuner_site.commands import FAILURE, SUCCESS, BadInput, SiteCommand
from autotuner_site.exposure import exposure_faults
from autotuner_site.first_admin import (
    admin_without_password,
    create_first_admin,
    sign_in_path,
)
from experiments_app.services import CannotServe, check_services
from experiments_app.supervisor import Supervisor, stop_on_signals

DEFAULT_BIND = "127.0.0.1:8765"


class Command(SiteCommand):
    prepares_database = False
    help = "Run the site and its consumer under one parent; Ctrl-C or SIGTERM stops both."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--bind",
            default=DEFAULT_BIND,
            metavar="HOST:PORT",
            help=f"where to listen (default: {DEFAULT_BIND})",
        )

    def run(self, *, bind: str, **options: Any) -> int:
        host, port = parse_bind(bind)
        check_exposure(host)
        try:
            check_services()
            call_command("migrate", verbosity=0, interactive=False)
            create_first_admin()
            supervisor = Supervisor(host, port)
            stop_on_signals(supervisor)
            with supervisor:
                supervisor.wait_answering()
                self.stdout.write(f"Autotuner listens on {supervisor.url} (Ctrl-C to stop)")
                if admin := admin_without_password():
                    link = f"{supervisor.url}{sign_in_path(admin)}"
                    self.stdout.write(f"Sign in with this link, it works once:\n  {link}")
                self.stdout.flush()
                supervisor.run()
        except CannotServe as error:
            self.stderr.write(str(error))
            return FAILURE
        return SUCCESS


def check_exposure(host: str) -> None:
    """Raises BadInput."""
    faults = exposure_faults(host, debug=settings.DEBUG, allowed_hosts=settings.ALLOWED_HOSTS)
    if told := "\n".join(f"- {fault}" for fault in faults):
        raise BadInput(
            f"--bind {host}: others in the network could reach the site, and it is not ready for"
            f" that:\n{told}"
        )


def parse_bind(text: str) -> tuple[str, int]:
    """Raises BadInput."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise BadInput(f"--bind {text}: write it as HOST:PORT, for instance {DEFAULT_BIND}")
    return host, int(port)
