"""A whole site of its own for one test, used as a user does: by its commands."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import IO, Any

import psutil
import yaml

from tests.experiments_app.own_engine import install_runtime
from tests.ports import free_port
from tests.waiting import wait_for

__all__ = ["PROJECT_ROOT", "Site", "free_port"]
PROJECT_ROOT = Path(__file__).resolve().parents[2]
PIPE = subprocess.PIPE
SERVERS = frozenset({"serve", "run_consumer", "shell"})


class Site:
    """Commands and processes on a data folder of their own."""

    def __init__(
        self,
        home: Path,
        ports: str,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`prefix`: words before each command, to run it elsewhere (in another network).
        `environment`: more settings."""
        self.home = home
        self._prefix = prefix
        (home / "runtimes").mkdir(parents=True)
        install_runtime(home / "runtimes")
        self._environment = {
            **os.environ,
            "AUTOTUNER_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "autotuner_site.settings",
            "PORT_RANGE": ports,
            **(environment or {}),
        }
        self.database_url = self._environment.get("DATABASE_URL", "")
        self._processes: list[subprocess.Popen[str]] = []

    @property
    def said(self) -> Path:
        """What its servers say. A pipe that nobody reads would stop them once it is full."""
        return self.home / "said.log"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`manage.py …` in the background; a server writes to `said`, all else to pipes."""
        with self.said.open("ab") if arguments[0] in SERVERS else nullcontext(PIPE) as output:
            return self._start(arguments, output)

    def _start(self, arguments: Sequence[str], output: IO[bytes] | int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*self._prefix, sys.executable, str(PROJECT_ROOT / "manage.py"), *arguments],
            cwd=self.home,  # no path may depend on the working directory
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
        )
        self._processes.append(process)
        return process

    def manage(self, *arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        process = self._start(arguments, PIPE)
        output, errors = process.communicate(timeout=timeout_s)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def write_task(self, data: dict[str, Any]) -> Path:
        path = self.home / f"{data['task_name']}.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return path

    def start_task(self, name: str) -> None:
        """As the start button does it: for the consumer to run."""
        self.act("start_task", name)

    def act(self, verb: str, name: str, *, once: str = "SELECT 1") -> None:
        """A verb of `lifecycle`, as its button does it: at once when the query `once` has a row,
        which starting a process only then would come too late for."""
        program = f"""
import time
from django.db import connection
from experiments_app.lifecycle import {verb}
from tasks_app.models import Task

def holds():
    with connection.cursor() as cursor:
        return cursor.execute({once!r}).fetchone()

while not holds():
    time.sleep(0.05)
{verb}(Task.objects.get(name={name!r}))
"""
        done = self.manage("shell", "--verbosity=0", "-c", program)
        assert done.returncode == 0, done.stderr

    def results(self, name: str) -> dict[str, Any]:
        done = self.manage("export_results", name)
        assert done.returncode == 0, done.stderr
        data: dict[str, Any] = json.loads(done.stdout)
        return data

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Straight from the database file, for waiting without a process each time."""
        path = self.home / "autotuner.db"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query).fetchall()

    def wait_for_row(self, query: str, *, timeout_s: float = 180) -> None:
        wait_for(lambda: self.rows(query), timeout_s=timeout_s, interval_s=0.1)

    def wait_for_port(self, port: int, *, timeout_s: float = 120) -> None:
        """Until something listens there."""

        def listens() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False

        wait_for(listens, timeout_s=timeout_s, interval_s=0.1)

    def children(self) -> list[psutil.Process]:
        """Every live process that works on this site's data folder, whoever its parent is."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if (
                    process.environ().get("AUTOTUNER_HOME") == str(self.home)
                    or process.environ().get("AUTOTUNER_EXPERIMENT", "").startswith(self.site_id)
                ) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    @property
    def site_id(self) -> str:
        path = self.home / "site_id"
        return path.read_text() + ":" if path.exists() else "no site yet"

    def process(self, *parts: str) -> psutil.Process:
        """The oldest process of this site whose command line holds all `parts`."""
        matching = self.processes(*parts)
        assert matching, f"no process of this site has {parts} in its command line"
        return matching[0]

    def processes(self, *parts: str) -> list[psutil.Process]:
        """All of them, the oldest first."""
        matching = []
        for process in self.children():
            with suppress(psutil.Error):
                line = " ".join(process.cmdline())
                if all(part in line for part in parts):
                    matching.append(process)
        return sorted(matching, key=lambda process: (process.create_time(), process.pid))

    def close(self) -> None:
        """End everything, kindly first."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=20)
        for leftover in self.children():
            with suppress(psutil.Error):
                leftover.kill()
