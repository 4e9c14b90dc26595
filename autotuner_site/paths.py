"""Where the site keeps its data: everything lives under one folder, AUTOTUNER_HOME."""

import os
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

DEFAULT_HOME = "~/.local/share/inference-autotuner"
DATABASE_NAME = "autotuner.db"
DATABASE_NAME_BESIDE = "autotuner-site.db"
SITE_ID_NAME = "site_id"
SQLITE_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True)
class Home:
    """The data folder and the fixed places in it."""

    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def runtimes(self) -> Path:
        return self.root / "runtimes"

    @property
    def tokenizers(self) -> Path:
        return self.root / "tokenizers"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def queue(self) -> Path:
        return self.root / "queue.db"

    @property
    def consumer_beat(self) -> Path:
        """Touched by the consumer as long as it lives."""
        return self.root / "consumer.alive"

    @property
    def last_job(self) -> Path:
        """Touched by a worker of the consumer for each job that it takes."""
        return self.root / "last_job"

    @property
    def docker_folder(self) -> Path:
        """Names the folder in which this machine's Docker engine keeps images and containers."""
        return self.root / "docker_folder"

    @property
    def foreign_database(self) -> Path | None:
        """A database of another program that stands where ours would, or None."""
        path = self.root / DATABASE_NAME
        return None if _is_ours(path) else path

    @property
    def database(self) -> Path:
        """Our database; beside a foreign one, which is never touched, under another name."""
        return self.root / (DATABASE_NAME_BESIDE if self.foreign_database else DATABASE_NAME)

    def task_log(self, task_pk: int) -> Path:
        return self.logs / f"task_{task_pk}.log"

    def create(self) -> None:
        for folder in (self.root, self.logs, self.results, self.runtimes):
            folder.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)

    def secret(self, name: str, length: int = 50) -> str:
        """A random value that is made once and kept in a file only its owner can read."""
        path = self.root / name
        if not path.exists():
            draft = self.root / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(length)[:length], encoding="ascii")
            try:
                os.link(draft, path)  # fails where another process was first: then its value counts
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text(encoding="ascii")


def _is_ours(path: Path) -> bool:
    """Whether a database file is absent, holds no table yet, or was made by our migrations."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in rows}
    except sqlite3.DatabaseError:
        return _is_our_damaged_one(path)
    return not tables or bool(tables & {"django_migrations", "tasks_app_task"})


def _is_our_damaged_one(path: Path) -> bool:
    """Whether a file that cannot be read was ours: what used to be a database, or anything in a
    folder that this site has used and where ours does not stand beside it. A damaged database is
    told as such, and never quietly followed by an empty one."""
    if (path.parent / DATABASE_NAME_BESIDE).exists():
        return False
    with path.open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC or (path.parent / SITE_ID_NAME).exists()
