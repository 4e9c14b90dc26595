"""Bringing a backup back under a site that may run.

Everything is looked at before anything is touched. Then no experiment begins, those under way are
handed back and taken down, and the database changes in one transaction: whoever is killed in it
leaves the old one. Workers that held something find their claims gone, as after any crash.
"""

import logging
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from experiments_app.backup import data_sets
from experiments_app.backup.archive import (
    DATASETS,
    FOLDERS,
    KEYS,
    BackupError,
    Damaged,
    unpack,
)
from experiments_app.backup.making import make_backup
from experiments_app.backup.scratch import scratch_folder
from experiments_app.backup.store import store
from experiments_app.holding import StillBeginning, nothing_begins
from experiments_app.models import Experiment
from experiments_app.reaper import reap
from experiments_app.tasks import wake_all
from tasks_app.datasets.storing import locked
from tasks_app.models import StaleState, Task

logger = logging.getLogger(__name__)
_OF_TASK = re.compile(r"task_(\d+)(?:\.log)?$")


@dataclass(frozen=True)
class Restored:
    """`kept`: the folder of what was replaced. `without_files`: names of data sets that are in the
    database, and whose files are not here."""

    kept: Path
    without_files: list[str]


def restore(source: Path, *, with_keys: bool = False, even_if_damaged: bool = False) -> Restored:
    """`even_if_damaged`: also where what is there cannot be saved before. Raises BackupError."""
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
        data_sets.check(staged)
        if with_keys and not (staged / "keys").exists():
            raise BackupError(f"{source} holds no keys: it was made without --with-keys")
        kept = _folder_for_what_is_replaced()
        try:
            with nothing_begins():
                is_damaged = _keep_database(kept, even_if_damaged=even_if_damaged)
                if not is_damaged:
                    _hand_back()
                connections.close_all()
                # Files before the database that names them: whoever sweeps waits for the lock and
                # asks the new one. What that does not need is held, for it is swept soon.
                held = data_sets.Held(kept / DATASETS)
                with locked(data_sets.home()):
                    held.hold()
                    data_sets.put_back(staged)
                    database.exchange(copy, kept, is_damaged=is_damaged)
                    data_sets.put_half_taken_aside(kept)
                    call_command("migrate", verbosity=0, interactive=False)
                    held.let_go()
                _exchange_files(staged, kept)
                if with_keys:
                    _exchange_keys(staged / "keys", kept)
        except StillBeginning as error:
            raise BackupError(str(error)) from error
        wake_all()
        return Restored(kept, data_sets.without_files())


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


def _keep_database(kept: Path, *, even_if_damaged: bool) -> bool:
    """A backup of what is there now; whether it is too damaged for one. Files of data sets that are
    not needed any more go aside as they are."""
    try:
        make_backup(kept / "before.tar", with_datasets=False)
    except Damaged:
        return True
    except BackupError as error:
        if even_if_damaged:
            return True
        raise BackupError(
            f"what is there now cannot be saved before: {error}. With --even-if-damaged it is"
            " replaced all the same, and lost"
        ) from error
    return False


def _hand_back() -> None:
    """Take what runs from its workers; whoever does not let go at once is ended by the reaper. What
    a database with a hole in it does not tell is ended by its claim, which goes with that."""
    try:
        for experiment in Experiment.objects.active():
            with suppress(StaleState):
                experiment.hand_back(experiment.owner_token, attempt_counts=False)
        reap()
    except DatabaseError:
        logger.exception("what runs could not be handed back")


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
