"""Making a backup of a site that runs: SQLite copies its database as it stands at one moment."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from experiments_app.backup.archive import DATABASE, FOLDERS, KEYS, BackupError, Damaged, pack
from experiments_app.backup.scratch import scratch_folder


def make_backup(target: Path, *, with_results: bool = False, with_keys: bool = False) -> None:
    """Raises BackupError."""
    database = require_sqlite()
    with scratch_folder(settings.HOME.root, ".backup-") as folder:
        copy = folder / DATABASE
        copy_database(database, copy)
        files = {DATABASE: copy}
        if with_results:
            files |= dict(_files())
        if with_keys:
            files |= {f"keys/{key}": settings.HOME.root / key for key in KEYS}
        pack(
            target,
            files,
            {"made_at": timezone.now().isoformat(), "results": with_results, "keys": with_keys},
        )


def require_sqlite() -> Path:
    """The database's file. Raises BackupError."""
    if settings.DATABASE_PATH is None:
        raise BackupError(
            "the database is PostgreSQL's: save it with pg_dump and bring it back with pg_restore"
            " while the site is stopped; logs and results in AUTOTUNER_HOME belong to it"
        )
    return settings.DATABASE_PATH


def copy_database(source: Path, target: Path) -> None:
    """Raises BackupError where it is damaged."""
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=20)) as ours,
            closing(sqlite3.connect(target)) as copy,
        ):
            ours.backup(copy)
        check_whole(target)
    except sqlite3.OperationalError as error:  # locked, or the disk is full
        raise BackupError(f"{source}: {error}") from error
    except sqlite3.Error as error:
        raise Damaged(f"{source}: {error}") from error


def check_whole(path: Path) -> None:
    """Raises BackupError."""
    try:
        with closing(sqlite3.connect(path)) as database:
            found = [line for (line,) in database.execute("PRAGMA integrity_check(5)")]
    except sqlite3.Error as error:
        raise Damaged(f"the database in it is damaged: {error}") from error
    if found != ["ok"]:
        raise Damaged(f"the database in it is damaged: {'; '.join(found)}")


def _files() -> Iterator[tuple[str, Path]]:
    for name in FOLDERS:
        for path in sorted((settings.HOME.root / name).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(settings.HOME.root).as_posix(), path
