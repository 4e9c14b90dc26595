"""A PostgreSQL and a Redis of the tests' own, beside whatever runs on the machine.

From Debian's packages `postgresql` and `redis-server`, in folders and on ports of their own. They
end with the process that started them, also where that is killed.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
import pytest
import redis

from tests.ports import free_port
from tests.waiting import wait_for

DIE_WITH_US = ("setpriv", "--pdeathsig", "INT")
# Signs that an address has to quote, so that every test has a password that is not plain.
PASSWORD = "p@ss/w:rd #" + secrets.token_hex(4)
NO_SKIP = bool(os.environ.get("AUTOTUNER_NO_SKIP"))


class Missing(Exception):
    """A server that is not installed here."""


def program(name: str) -> str:
    """Debian keeps PostgreSQL's programs out of the PATH. Raises Missing."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        raise Missing(f"{name} is not here: apt-get install postgresql redis-server")
    return found


class Server:
    """A program in a folder of its own, on a port of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="autotuner-server-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> Self:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        wait_for(self.answers, timeout_s=30, interval_s=0.05)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            self._process.wait(20)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgreSQL(Server):
    def __init__(self) -> None:
        super().__init__()
        self._user: Sequence[str] = ()
        if os.geteuid() == 0:  # which PostgreSQL refuses to be
            shutil.chown(self.folder, "postgres", "postgres")
            self._user = ("--reuid", "postgres", "--regid", "postgres", "--clear-groups")
        password = self.folder / "password"
        password.write_text(PASSWORD)
        done = subprocess.run(
            [
                *("setpriv", *self._user, program("initdb"), "--pgdata", self.folder / "data"),
                *("--username", "tuner", "--auth", "scram-sha-256", "--pwfile", password),
                *("--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"),
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def command(self) -> Sequence[str]:
        fast = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        return [
            *(*DIE_WITH_US, *self._user, program("postgres"), "-D", f"{self.folder}/data"),
            *("-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)),
            *(word for setting in fast for word in ("-c", setting)),
        ]

    def url(self, name: str = "postgres") -> str:
        return f"postgres://tuner:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{name}"

    def answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
            return True
        return False

    def run(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """The address of an empty one."""
        name = f"site_{secrets.token_hex(4)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)


class Redis(Server):
    def command(self) -> Sequence[str]:
        return [
            *(*DIE_WITH_US, program("redis-server"), "--port", str(self.port)),
            *("--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""),
            *("--requirepass", PASSWORD),
        ]

    @property
    def url(self) -> str:
        return f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        with suppress(redis.RedisError), closing(redis.Redis.from_url(self.url)) as client:
            return bool(client.ping())
        return False


def _fixture(kind: type[Server]) -> Iterator[Server]:
    try:
        server = kind()
        server.start()
    except Missing as error:
        if NO_SKIP:
            raise
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL with the user tuner and PASSWORD."""
    yield from _fixture(PostgreSQL)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """A Redis that wants PASSWORD."""
    yield from _fixture(Redis)
