"""A backup's file: a tar of what it says in its manifest, with the checksum of each."""

import glob
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from experiments_app.backup.scratch import locked, remove_left_over
from tasks_app.datasets.files import ANSWERS, PROMPTS

FORMAT = 1
MANIFEST = "manifest.json"
SQLITE, POSTGRESQL = "database.sqlite3", "database.pgdump"
DATABASES = frozenset({SQLITE, POSTGRESQL})
"""A backup holds one of them."""
FOLDERS = ("logs", "results")
DATASETS = "datasets"
KEYS = ("secret_key", "settings_key")
_OF_DATASET = re.compile(f"{DATASETS}/[0-9a-f]{{64}}/({re.escape(PROMPTS)}|{re.escape(ANSWERS)})")
MAX_MANIFEST_BYTES = 256 * 1024**2
_PART_BYTES = 1024**2


class BackupError(Exception):
    """A backup that cannot be made or read; the message says why."""


class Damaged(BackupError):
    """A database that fails its integrity check."""


def pack(target: Path, files: Mapping[str, Path], about: Mapping[str, Any]) -> None:
    """Write the archive, readable by its owner alone; whole under its name, or not at all."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    sums: dict[str, str] = {}
    remove_left_over(target.parent.glob(f".{glob.escape(target.name)}.{'[0-9a-f]' * 8}"))
    try:
        with _create(draft) as raw, locked(draft):
            with tarfile.open(fileobj=raw, mode="w|", format=tarfile.PAX_FORMAT) as archive:
                for name, path in files.items():
                    _add(archive, name, path, sums)
                text = json.dumps({**about, "format": FORMAT, "sha256": sums}).encode()
                info = tarfile.TarInfo(MANIFEST)
                info.size, info.mode = len(text), 0o600
                archive.addfile(info, io.BytesIO(text))
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(target)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def unpack(source: Path, folder: Path) -> dict[str, Any]:
    """Everything in it into `folder`, each file checked; returns the manifest.

    Raises BackupError for what is no backup, or not whole, or leads anywhere else.
    """
    sums: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    try:
        with tarfile.open(source, mode="r:") as archive:
            for member in archive:
                is_plain = member.isfile() and not member.issparse()
                if not is_plain or not _is_expected(member.name) or member.name in sums:
                    raise BackupError(f"{source} holds {member.name!r}, which no backup does")
                stream = archive.extractfile(member)
                if stream is None:
                    raise BackupError(f"{source}: {member.name!r} cannot be read")
                if member.name == MANIFEST:
                    if member.size > MAX_MANIFEST_BYTES:
                        raise BackupError(f"{source}: its manifest is too large")
                    manifest = json.loads(stream.read())
                    continue
                path = folder / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                with _create(path) as copy:
                    shutil.copyfileobj(stream, copy, _PART_BYTES)
                sums[member.name] = _sum(path)
    except (tarfile.TarError, ValueError, EOFError, RecursionError) as error:
        raise BackupError(f"{source} is no backup that can be read: {error}") from error
    except OSError as error:
        raise BackupError(f"{source}: {error.strerror or error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BackupError(
            f"{source} is no backup of this version: its manifest is missing or newer"
        )
    if manifest.get("sha256") != sums or len(DATABASES & sums.keys()) != 1:
        raise BackupError(f"{source} is damaged: its files are not those that its manifest names")
    return manifest


def _is_expected(name: str) -> bool:
    path = PurePosixPath(name)
    if name in {MANIFEST, *DATABASES} or name in {f"keys/{key}" for key in KEYS}:
        return True
    if _OF_DATASET.fullmatch(name):
        return True
    is_plain = not path.is_absolute() and ".." not in path.parts and str(path) == name
    return is_plain and "\\" not in name and len(path.parts) > 1 and path.parts[0] in FOLDERS


def _add(archive: tarfile.TarFile, name: str, path: Path, sums: dict[str, str]) -> None:
    """As much of it as there is at this moment: a log may grow meanwhile, or go."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
        content = file.read() if name not in DATABASES and info.size < _PART_BYTES else None
        if content is not None:
            info.size = len(content)
            sums[name] = hashlib.sha256(content).hexdigest()
            archive.addfile(info, io.BytesIO(content))
            return
        reader = _Summing(file)
        archive.addfile(info, reader)
        sums[name] = reader.sum.hexdigest()


class _Summing:
    def __init__(self, file: Any) -> None:
        self._file = file
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        part: bytes = self._file.read(size)
        self.sum.update(part)
        return part


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _create(path: Path) -> BinaryIO:
    """A new file that only its owner reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
