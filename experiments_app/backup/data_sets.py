"""The files of data sets in a backup. They lie under their hash, so they never change: what is
there and whole stays, and what comes back is held against its name."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from experiments_app.backup.archive import DATASETS, BackupError
from tasks_app.datasets.files import ANSWERS, PROMPTS, hash_of
from tasks_app.models import Dataset

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass
class Held:
    """Hard links to the files, which outlast a data set that is removed while they are packed."""

    folder: Path
    damaged: list[str] = field(default_factory=list)
    """Names of data sets whose files are not what they were; known once `files` is through."""

    def hold(self) -> None:
        """What is there now, besides what was there before; for whoever holds the lock."""
        for kept in _kept(home()):
            held = self.folder / kept.name
            held.mkdir(parents=True, exist_ok=True)
            for name in (PROMPTS, ANSWERS):
                if (kept / name).exists() and not (held / name).exists():
                    _link(kept / name, held / name)

    def let_go(self) -> None:
        """Of what is still there, and needed: that need not be kept a second time."""
        known = set(Dataset.objects.values_list("sha256", flat=True))
        for held in _kept(self.folder):
            there, own = home() / held.name / PROMPTS, held / PROMPTS
            is_there = there.exists() and own.exists() and there.samefile(own)
            if is_there and held.name in known:
                shutil.rmtree(held)

    def files(self) -> Iterator[tuple[str, Path]]:
        """By their names in the archive. What is damaged is left out: it would be refused later,
        and all else with it."""
        for folder in _kept(self.folder):
            if hash_of(folder) != folder.name:
                self.damaged += _names_of(folder.name)
                continue
            for path in sorted(folder.iterdir()):
                yield f"{DATASETS}/{folder.name}/{path.name}", path


def home() -> Path:
    return Path(settings.HOME.datasets)


def check(staged: Path) -> None:
    """Each is what its name says. Raises BackupError."""
    for folder in _kept(staged / DATASETS):
        if hash_of(folder) != folder.name:
            raise BackupError(
                f"the backup is damaged: a data set in it is not the one of SHA-256 {folder.name}"
            )


def put_back(staged: Path) -> None:
    """For whoever holds the lock, and what is there: what is damaged is replaced."""
    root = home()
    for folder in _kept(staged / DATASETS):
        there = root / folder.name
        if there.exists() and hash_of(there) == folder.name:
            continue
        shutil.rmtree(there, ignore_errors=True)
        folder.rename(there)


def put_half_taken_aside(kept: Path) -> None:
    """It stands under numbers that other data sets have from now on."""
    if (incoming := home() / "incoming").exists():
        (kept / DATASETS).mkdir(exist_ok=True)
        shutil.move(incoming, kept / DATASETS)


def without_files() -> list[str]:
    """Names of data sets that are to be added again."""
    ready = Dataset.objects.ready().values_list("name", "sha256")
    return [name for name, sha256 in ready if not (home() / sha256 / PROMPTS).exists()]


def _names_of(sha256: str) -> list[str]:
    try:
        return list(Dataset.objects.filter(sha256=sha256).values_list("name", flat=True))
    except DatabaseError:  # of an earlier version, or damaged
        return [sha256]


def _kept(root: Path) -> list[Path]:
    found = root.iterdir() if root.is_dir() else ()
    return sorted(path for path in found if path.is_dir() and _SHA256.fullmatch(path.name))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copyfile(source, target)
