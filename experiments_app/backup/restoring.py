"""Bringing a backup back under a site that may run.

Everything is looked at before anything is touched. Then no experiment begins, those under way are
handed back and taken down, and the database changes in one transaction: whoever is killed in it
leaves the old one. Workers that held something find their claims gone, as after any crash.
"""

import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from experiments_app.backup.archive import FOLDERS, KEYS, BackupError, Damaged, unpack
from experiments_app.backup.making import make_backup
from experiments_app.backup.scratch import scratch_folder
from experiments_app.backup.store import store
from experiments_app.holding import StillBeginning, nothing_begins
from experiments_app.models import Experiment
from experiments_app.reaper import reap
from experiments_app.tasks import wake_all
from tasks_app.models import StaleState, Task

_OF_TASK = re.compile(r"task_(\d+)(?:\.log)?$")


def restore(source: Path, *, with_keys: bool = False) -> Path:
    """Returns the folder that keeps what was replaced. Raises BackupError."""
    database = store()
    database.require()
    with scratch_folder(settings.HOME.root, ".restore-") as staged:
        unpack(source, staged)
        copy = staged / database.member
        if not copy.exists():
            raise BackupError(
                f"{source} is of another kind of database than this site's"
                f" ({connections['default'].display_name}, see DATABASE_URL)"
            )
        _check_fits(database.migrations_in(copy))
        if with_keys and not (staged / "keys").exists():
            raise BackupError(f"{source} holds no keys: it was made without --with-keys")
        kept = _folder_for_what_is_replaced()
        try:
            with nothing_begins():
                is_damaged = _keep_database(kept)
                if not is_damaged:
                    _hand_back()
                connections.close_all()
                database.exchange(copy, kept, is_damaged=is_damaged)
                call_command("migrate", verbosity=0, interactive=False)
                _exchange_files(staged, kept)
                if with_keys:
                    _exchange_keys(staged / "keys", kept)
        except StillBeginning as error:
            raise BackupError(str(error)) from error
        wake_all()
        return kept


def _check_fits(migrations: set[str]) -> None:
    """Of this program, and no newer than it."""
    ours = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if newer := sorted(migrations - ours):
        raise BackupError(
            f"the backup is of a newer version, or of another program: {newer[0]} is not"
            " known here. Upgrade first"
        )


def _folder_for_what_is_replaced() -> Path:
    stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S")
    backups = Path(settings.HOME.root) / "backups"
    backups.mkdir(mode=0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"before-restore-{stamp}-", dir=backups))


def _keep_database(kept: Path) -> bool:
    """A backup of what is there now; whether it is too damaged for one."""
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


def _exchange_files(staged: Path, kept: Path) -> None:
    """Files of the backup take their places; those of tasks that it does not know go aside, for
    the next task gets such a number again."""
    known = set(Task.objects.values_list("pk", flat=True))
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
