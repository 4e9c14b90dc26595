"""Making a backup of a site that runs: its database as it stands at one moment, and its files."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from experiments_app.backup.archive import FOLDERS, KEYS, pack
from experiments_app.backup.scratch import scratch_folder
from experiments_app.backup.store import store


def make_backup(target: Path, *, with_results: bool = False, with_keys: bool = False) -> None:
    """Raises BackupError."""
    database = store()
    database.require()
    with scratch_folder(settings.HOME.root, ".backup-") as folder:
        copy = folder / database.member
        database.save(copy)
        files = {database.member: copy}
        if with_results:
            files |= dict(_files())
        if with_keys:
            files |= {f"keys/{key}": settings.HOME.root / key for key in KEYS}
        pack(
            target,
            files,
            {"made_at": timezone.now().isoformat(), "results": with_results, "keys": with_keys},
        )


def _files() -> Iterator[tuple[str, Path]]:
    for name in FOLDERS:
        for path in sorted((settings.HOME.root / name).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(settings.HOME.root).as_posix(), path
