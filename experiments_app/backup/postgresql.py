"""PostgreSQL's own pg_dump saves this site's tables, and pg_restore and psql bring them back.

Where the server is and the password reach them as variables of the environment, as libpq has them,
and never on a command line. Other tables of the same database are left alone.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import Error, connection

from autotuner_site.postgresql.base import ONE_WRITER
from experiments_app.backup.archive import POSTGRESQL, BackupError, Damaged
from experiments_app.backup.store import NOTHING_UNDER_WAY
from tasks_app.masking import mask_text

PROGRAMS = ("pg_dump", "pg_restore", "psql")
VARIABLES = {
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "options": "PGOPTIONS",
    "passfile": "PGPASSFILE",
    "require_auth": "PGREQUIREAUTH",
    "service": "PGSERVICE",
    "sslcert": "PGSSLCERT",
    "sslcrl": "PGSSLCRL",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""An option of DATABASE_URL -> libpq's variable; keepalives have none."""
MIGRATIONS = "django_migrations"
LIMIT_S = 6 * 3600


class PostgreSQLStore:
    member = POSTGRESQL

    def require(self) -> None:
        try:
            connection.ensure_connection()
        except Error as error:
            raise BackupError(f"the database does not answer: {_told(str(error))}") from error
        check_programs(connection.pg_version // 10_000)  # type: ignore[attr-defined]

    def save(self, target: Path) -> None:
        tables = _tables()
        if MIGRATIONS not in tables:
            raise Damaged("the database holds no tables of this site")
        wanted = [f'--table="{name}"' for name in tables]
        ours = ["--no-owner", "--no-privileges"]
        _run(["pg_dump", "--format=custom", *ours, *wanted, f"--file={target}"])

    def migrations_in(self, staged: Path) -> set[str]:
        text = _run(["pg_restore", "--data-only", f"--table={MIGRATIONS}", "--file=-", str(staged)])
        lines = iter(text.splitlines())
        heads = (re.fullmatch(r"COPY \S+ \((.+)\) FROM stdin;", line) for line in lines)
        head = next((match for match in heads if match), None)
        if head is None:
            raise BackupError("the database in the backup is not this site's")
        columns, found = head[1].split(", "), set()
        for line in lines:
            if line == "\\.":
                break
            row = dict(zip(columns, line.split("\t"), strict=False))
            found.add(f"{row['app']}.{row['name']}")
        return found

    def exchange(self, staged: Path, kept: Path, *, is_damaged: bool) -> None:
        """In one transaction. Whoever writes waits for it, and it for whoever writes."""
        del kept, is_damaged  # the server keeps its own files
        script = staged.with_suffix(".sql")
        _run(["pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(staged)])
        before, after = staged.with_suffix(".before"), staged.with_suffix(".after")
        schemas, saved = zip(*_tables_in(staged), strict=True)
        names = ", ".join(f'"{name}"' for name in sorted({*_tables(), *saved}))
        before.write_text(
            f"SELECT pg_advisory_xact_lock({ONE_WRITER});\nDROP TABLE IF EXISTS {names};\n"
        )
        path = f"SET LOCAL search_path = {schemas[0]}"  # pg_restore has emptied it
        after.write_text("".join(f"{line};\n" for line in (path, *NOTHING_UNDER_WAY)))
        steps = [f"--file={path}" for path in (before, script, after)]
        quiet = ["--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"]
        try:
            _run(["psql", *quiet, "--single-transaction", *steps])
        except BackupError as error:
            raise BackupError(f"{error}; nothing was changed") from error


def check_programs(server: int) -> None:
    """They are here, and know a server of this version. Raises BackupError."""
    for program in PROGRAMS:
        version = re.search(r"(\d+)(\.\d+|devel|beta|rc)", _run([program, "--version"]))
        if version is None or int(version[1]) < server:
            raise BackupError(
                f"{program} is of version {version[1] if version else '?'}, which cannot read"
                f" a server of version {server}: install postgresql-client-{server}"
            )


def _tables() -> list[str]:
    """Those of this site that are there, whichever version of it made them."""
    try:
        there = set(connection.introspection.table_names())
    except Error as error:
        raise BackupError(f"the database does not answer: {_told(str(error))}") from error
    known = {*connection.introspection.django_table_names(only_existing=False), MIGRATIONS}
    return sorted(known & there)


def _tables_in(staged: Path) -> list[tuple[str, str]]:
    """Schema and name of each."""
    listed = _run(["pg_restore", "--list", str(staged)])
    return re.findall(r"^\d+; \d+ \d+ TABLE (?!DATA )(\S+) (\S+) ", listed, re.MULTILINE)


def _run(command: Sequence[str]) -> str:
    """What it prints. Raises BackupError with what it says is wrong."""
    program = shutil.which(command[0])
    if program is None:
        raise BackupError(
            f"{command[0]} is not installed: it saves and restores a PostgreSQL; install"
            " postgresql-client, of the server's version or newer"
        )
    try:
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            stdin=subprocess.DEVNULL,
            env=_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError(f"{command[0]}: {error}") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise BackupError(f"{command[0]}: {_told('; '.join(lines[:3])) or done.returncode}")
    return done.stdout


def _environment() -> dict[str, str]:
    database = settings.DATABASES["default"]
    asked = {
        "PGDATABASE": connection.settings_dict["NAME"],
        "PGHOST": database["HOST"],
        "PGPORT": database["PORT"],
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        **{
            VARIABLES[name]: text for name, text in database["OPTIONS"].items() if name in VARIABLES
        },
    }
    inherited = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    return {**inherited, **{name: str(text) for name, text in asked.items() if text}}


def _told(text: str) -> str:
    """An error of a server may repeat its address."""
    password = settings.DATABASES["default"].get("PASSWORD", "")
    return mask_text(" ".join(text.split()), {}, *([password] if password else []))[:500]
