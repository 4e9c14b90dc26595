"""DATABASE_URL and REDIS_URL: what they may say, and what is said where they are wrong.

No message repeats a password: what is shown of an address is its scheme, host and name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from huey import PriorityRedisHuey, SqliteHuey
from huey.api import Huey

POSTGRESQL_ENGINE = "autotuner_site.postgresql"
POSTGRESQL_SCHEMES = ("postgres", "postgresql")
POSTGRESQL_OPTIONS = (
    "application_name", "connect_timeout", "gssencmode", "keepalives", "keepalives_count",
    "keepalives_idle", "keepalives_interval", "options", "passfile", "require_auth", "service",
    "sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert", "target_session_attrs",
)  # fmt: skip
DATABASE_EXAMPLE = "postgres://user:password@db.example:5432/autotuner?sslmode=require"
REDIS_SCHEMES = ("redis", "rediss", "unix")
REDIS_EXAMPLE = "redis://:password@queue.example:6379/0"
LOCK_WAIT_S = 20
CONNECT_WITHIN_S = 5
CONNECTION_AGE_S = 300


def sqlite_database(path: Path) -> dict[str, Any]:
    """The web processes, the consumer and the commands write at the same time: readers never wait
    in WAL, and a transaction that starts as a writer cannot fail half-way."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": LOCK_WAIT_S,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def database(url: str, *, default: Path, base: Path) -> dict[str, Any]:
    """Django's settings of the database. Raises ImproperlyConfigured."""
    if not url:
        return sqlite_database(default)
    if url.startswith("sqlite:///"):
        return sqlite_database((base / url.removeprefix("sqlite:///")).resolve())
    parts = _split("DATABASE_URL", url, DATABASE_EXAMPLE)
    if parts.scheme not in POSTGRESQL_SCHEMES:
        raise ImproperlyConfigured(
            f"DATABASE_URL begins with {parts.scheme or 'no scheme'!r}; write"
            f" sqlite:///path/to/file.db or {DATABASE_EXAMPLE}, or leave it empty to keep the"
            " database under AUTOTUNER_HOME"
        )
    port = _port("DATABASE_URL", parts, DATABASE_EXAMPLE)
    name = unquote(parts.path.removeprefix("/"))
    if not name or "/" in name:
        raise ImproperlyConfigured(
            f"DATABASE_URL names no database; write it as {DATABASE_EXAMPLE}"
        )
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    host = unquote(asked.pop("host", "") or parts.hostname or "")
    return {
        "ENGINE": POSTGRESQL_ENGINE,
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or asked.pop("port", "")),
        "CONN_MAX_AGE": CONNECTION_AGE_S,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _postgresql_options(asked),
    }


def _postgresql_options(asked: Mapping[str, str]) -> dict[str, str]:
    """What the address asks for, and waits as bounded as SQLite's."""
    if unknown := sorted(set(asked) - set(POSTGRESQL_OPTIONS)):
        raise ImproperlyConfigured(
            f"DATABASE_URL asks for {', '.join(unknown)}; it may ask for"
            f" {', '.join(POSTGRESQL_OPTIONS)}"
        )
    waits = f"-c lock_timeout={LOCK_WAIT_S}s -c idle_in_transaction_session_timeout=120s"
    return {
        "connect_timeout": str(CONNECT_WITHIN_S),
        "application_name": "autotuner",
        **asked,
        "options": f"{waits} {asked.get('options', '')}".strip(),
    }


def queue(url: str, *, site_id: str, path: Path) -> Huey:
    """An instance and not a dict: from a dict huey runs jobs inside the web request under DEBUG.

    In Redis the queue carries the site's id, so that two sites may share one. Raises
    ImproperlyConfigured.
    """
    if not url:
        return SqliteHuey(name="autotuner", filename=str(path), timeout=LOCK_WAIT_S, results=False)
    check_redis_url(url)
    return PriorityRedisHuey(name=f"autotuner-{site_id}", url=_with_time_limits(url), results=False)


def check_redis_url(url: str) -> None:
    """Raises ImproperlyConfigured."""
    parts = _split("REDIS_URL", url, REDIS_EXAMPLE)
    if parts.scheme not in REDIS_SCHEMES:
        raise ImproperlyConfigured(
            f"REDIS_URL begins with {parts.scheme or 'no scheme'!r}; write it as {REDIS_EXAMPLE},"
            " with rediss:// for TLS or unix:///path/to/socket, or leave it empty to keep the"
            " queue in SQLite under AUTOTUNER_HOME"
        )
    if parts.scheme == "unix":
        if len(parts.path) < 2:
            raise ImproperlyConfigured("REDIS_URL names no socket; write unix:///path/to/socket")
        return
    if not parts.hostname:
        raise ImproperlyConfigured(f"REDIS_URL names no host; write it as {REDIS_EXAMPLE}")
    _port("REDIS_URL", parts, REDIS_EXAMPLE)
    number = parts.path.removeprefix("/")
    if number and not number.isdecimal():
        raise ImproperlyConfigured(
            f"REDIS_URL: {number!r} is no number of a database; write it as {REDIS_EXAMPLE}"
        )


def address_of(url: str) -> str:
    """Where it leads, as anybody may see it: no user, no password, no options."""
    parts = urlsplit(url)
    if parts.scheme == "unix" or not parts.hostname:
        return f"{parts.scheme}://{parts.path}"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _with_time_limits(url: str) -> str:
    """Huey waits for a job a second at a time; nothing may wait for a dead server for ever."""
    query = urlsplit(url).query
    given = dict(parse_qsl(query))
    limits = {"socket_connect_timeout": str(CONNECT_WITHIN_S), "socket_timeout": "15"}
    added = "&".join(f"{name}={value}" for name, value in limits.items() if name not in given)
    return f"{url}{'&' if query else '?'}{added}" if added else url


def _split(name: str, url: str, example: str) -> SplitResult:
    try:
        return urlsplit(url.strip())
    except ValueError:
        # Its own message may repeat the address, and with it the password.
        raise ImproperlyConfigured(
            f"{name} is no address that can be read; write it as {example}, signs such as @ / # ? ["
            " in a password as %40 %2F %23 %3F %5B"
        ) from None


def _port(name: str, parts: SplitResult, example: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ImproperlyConfigured(
            f"{name}: its port is no number from 1 to 65535; write it as {example}, signs such as"
            " @ / # ? in a password as %40 %2F %23 %3F"
        ) from None
