"""Making a backup of a site that runs: its database as it stands at one moment, and its files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from experiments_app.backup.archive import DATASETS, FOLDERS, KEYS, pack
from experiments_app.backup.data_sets import Held, home
from experiments_app.backup.scratch import scratch_folder
from experiments_app.backup.store import store
from tasks_app.datasets.storing import locked


@dataclass(frozen=True)
class Made:
    """`damaged`: names of data sets whose files are not whole, and so not in it."""

    datasets: int
    damaged: list[str]


def make_backup(
    target: Path,
    *,
    with_results: bool = False,
    with_datasets: bool = True,
    with_keys: bool = False,
) -> Made:
    """Raises BackupError."""
    database = store()
    database.require()
    with scratch_folder(settings.HOME.root, ".backup-") as folder:
        copy = folder / database.member
        held = Held(folder / DATASETS)
        if with_datasets:
            # Before and after: one may go, another come while the copy is made.
            with locked(home()):
                held.hold()
        database.save(copy)
        if with_datasets:
            with locked(home()):
                held.hold()
        files = {database.member: copy, **dict(held.files())}
        if with_results:
            files |= dict(_files())
        if with_keys:
            files |= {f"keys/{key}": settings.HOME.root / key for key in KEYS}
        pack(
            target,
            files,
            {
                "made_at": timezone.now().isoformat(),
                "results": with_results,
                "datasets": with_datasets,
                "keys": with_keys,
            },
        )
        folders = {Path(name).parent for name in files if name.startswith(f"{DATASETS}/")}
        return Made(len(folders), held.damaged)


def _files() -> Iterator[tuple[str, Path]]:
    for name in FOLDERS:
        for path in sorted((settings.HOME.root / name).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(settings.HOME.root).as_posix(), path
