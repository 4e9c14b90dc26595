"""SQLite copies its own file, as it stands at one moment, while others write to it."""

import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from experiments_app.backup.archive import SQLITE, BackupError, Damaged
from experiments_app.backup.store import NOTHING_UNDER_WAY


@dataclass(frozen=True)
class SQLiteStore:
    path: Path
    member = SQLITE

    def require(self) -> None:
        """It is a part of Python."""

    def save(self, target: Path) -> None:
        if not self.path.exists():
            raise Damaged(f"{self.path} is not there")
        _copy(self.path, target)

    def migrations_in(self, staged: Path) -> set[str]:
        _check_whole(staged)
        try:
            with closing(sqlite3.connect(staged)) as database:
                rows = database.execute("SELECT app, name FROM django_migrations")
                return {f"{app}.{name}" for app, name in rows}
        except sqlite3.Error as error:
            raise _is_not_ours(error) from error

    def exchange(self, staged: Path, kept: Path, *, is_damaged: bool) -> None:
        _set_nothing_under_way(staged)
        if is_damaged:
            for suffix in ("-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    shutil.move(f"{self.path}{suffix}", kept)
            draft = self.path.with_name(f".{self.path.name}.restored")
            draft.unlink(missing_ok=True)
            _copy(staged, draft)
            draft.replace(self.path)
            return
        try:
            with (
                closing(sqlite3.connect(staged)) as source,
                closing(sqlite3.connect(self.path, timeout=20)) as ours,
            ):
                source.backup(ours)
        except sqlite3.Error as error:
            raise BackupError(
                f"{self.path} cannot be written: {error}; nothing was changed"
            ) from error


def _set_nothing_under_way(staged: Path) -> None:
    try:
        with closing(sqlite3.connect(staged)) as database:
            for statement in NOTHING_UNDER_WAY:
                database.execute(statement)
            database.commit()
    except sqlite3.Error as error:
        raise _is_not_ours(error) from error


def _is_not_ours(error: sqlite3.Error) -> BackupError:
    return BackupError(f"the database in the backup is not this site's: {error}")


def _copy(source: Path, target: Path) -> None:
    """Raises BackupError where it is damaged."""
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=20)) as ours,
            closing(sqlite3.connect(target)) as copy,
        ):
            ours.backup(copy)
        _check_whole(target)
    except sqlite3.OperationalError as error:  # locked, or the disk is full
        raise BackupError(f"{source}: {error}") from error
    except sqlite3.Error as error:
        raise Damaged(f"{source}: {error}") from error


def _check_whole(path: Path) -> None:
    """Raises BackupError."""
    try:
        with closing(sqlite3.connect(path)) as database:
            found = [line for (line,) in database.execute("PRAGMA integrity_check(5)")]
    except sqlite3.Error as error:
        raise Damaged(f"the database in it is damaged: {error}") from error
    if found != ["ok"]:
        raise Damaged(f"the database in it is damaged: {'; '.join(found)}")
