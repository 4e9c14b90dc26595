"""Bringing a backup back under a site that may run.

Everything is looked at before anything is touched. Then no experiment begins, those under way are
handed back and taken down, and the database changes in one transaction: whoever is killed in it
leaves the old one. Workers that held something find their claims gone, as after any crash.
"""

import re
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from experiments_app.backup.archive import DATABASE, FOLDERS, KEYS, BackupError, Damaged, unpack
from experiments_app.backup.making import check_whole, copy_database, make_backup, require_sqlite
from experiments_app.backup.scratch import scratch_folder
from experiments_app.holding import StillBeginning, nothing_begins
from experiments_app.models import Experiment
from experiments_app.reaper import reap
from experiments_app.tasks import wake_all
from tasks_app.models import StaleState

_OF_TASK = re.compile(r"task_(\d+)(?:\.log)?$")
NOTHING_UNDER_WAY = (
    """UPDATE experiments_app_experiment SET status = 'pending', owner_token = '', progress = '{}',
    lease_expires_at = NULL, started_at = NULL WHERE status IN ('deploying', 'benchmarking')""",
    "DELETE FROM experiments_app_resourcelease",
)


def restore(source: Path, *, with_keys: bool = False) -> Path:
    """Returns the folder that keeps what was replaced. Raises BackupError."""
    path = require_sqlite()
    with scratch_folder(settings.HOME.root, ".restore-") as staged:
        unpack(source, staged)
        _check_fits(staged / DATABASE)
        if with_keys and not (staged / "keys").exists():
            raise BackupError(f"{source} holds no keys: it was made without --with-keys")
        kept = _folder_for_what_is_replaced()
        try:
            with nothing_begins():
                is_damaged = _keep_database(path, kept)
                if not is_damaged:
                    _hand_back()
                connections.close_all()
                _exchange_database(path, staged / DATABASE, kept, is_damaged=is_damaged)
                call_command("migrate", verbosity=0, interactive=False)
                _exchange_files(path, staged, kept)
                if with_keys:
                    _exchange_keys(staged / "keys", kept)
        except StillBeginning as error:
            raise BackupError(str(error)) from error
        wake_all()
        return kept


def _check_fits(database: Path) -> None:
    """Whole, of this program, and no newer than it; and with nothing under way in it."""
    check_whole(database)
    ours = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    try:
        with closing(sqlite3.connect(database)) as staged:
            rows = staged.execute("SELECT app, name FROM django_migrations")
            newer = sorted({f"{app}.{name}" for app, name in rows} - ours)
            if newer:
                raise BackupError(
                    f"the backup is of a newer version, or of another program: {newer[0]} is not"
                    " known here. Upgrade first"
                )
            for statement in NOTHING_UNDER_WAY:
                staged.execute(statement)
            staged.commit()
    except sqlite3.Error as error:
        raise BackupError(f"the database in the backup is not this site's: {error}") from error


def _folder_for_what_is_replaced() -> Path:
    stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S")
    backups = Path(settings.HOME.root) / "backups"
    backups.mkdir(mode=0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"before-restore-{stamp}-", dir=backups))


def _keep_database(path: Path, kept: Path) -> bool:
    """A backup of what is there now; whether it is too damaged for one."""
    if not path.exists():
        return True
    try:
        make_backup(kept / "before.tar")
    except Damaged:
        return True
    return False


def _hand_back() -> None:
    """Take what runs from its workers; whoever does not let go at once is ended by the reaper."""
    for experiment in Experiment.objects.active():
        with suppress(StaleState):
            experiment.hand_back(experiment.owner_token, attempt_counts=False)
    reap()


def _exchange_database(path: Path, staged: Path, kept: Path, *, is_damaged: bool) -> None:
    if is_damaged:
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                shutil.move(f"{path}{suffix}", kept)
        draft = path.with_name(f".{path.name}.restored")
        draft.unlink(missing_ok=True)
        copy_database(staged, draft)
        draft.replace(path)
        return
    try:
        with (
            closing(sqlite3.connect(staged)) as source,
            closing(sqlite3.connect(path, timeout=20)) as ours,
        ):
            source.backup(ours)
    except sqlite3.Error as error:
        raise BackupError(f"{path} cannot be written: {error}; nothing was changed") from error


def _exchange_files(database_path: Path, staged: Path, kept: Path) -> None:
    """Files of the backup take their places; those of tasks that it does not know go aside, for
    the next task gets such a number again."""
    with closing(sqlite3.connect(database_path)) as database:
        known = {pk for (pk,) in database.execute("SELECT id FROM tasks_app_task")}
    for folder in FOLDERS:
        home = settings.HOME.root / folder
        for path in list(home.iterdir()):
            match = _OF_TASK.match(path.name)
            is_replaced = (staged / folder / path.name).exists()
            if is_replaced or (match and int(match[1]) not in known):
                (kept / folder).mkdir(exist_ok=True)
                shutil.move(path, kept / folder)
        for path in list((staged / folder).iterdir()) if (staged / folder).exists() else ():
            path.replace(home / path.name)


def _exchange_keys(keys: Path, kept: Path) -> None:
    for name in KEYS:
        if (keys / name).exists():
            with suppress(FileNotFoundError):
                shutil.copy2(settings.HOME.root / name, kept)
            (keys / name).replace(settings.HOME.root / name)
