"""The one data file of an archive. Nothing in it decides where anything is written, or how much.

Archives are told by their first bytes, not by a name. What is unpacked goes to a name of our own;
an archive that names places outside of itself, links or devices is refused as a whole.
"""

import gzip
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tasks_app.datasets.errors import DatasetError

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")
MOST_ENTRIES = 1_000
MOST_DIRECTORY_BYTES = 1024**2
MOST_HEADER_BYTES = 8 * 1024**2
"""Of a tar: of all its entries together."""
MOST_RATIO = 200
"""What text packs to at best is far less; a bomb packs a thousandfold."""
RATIO_FREE_BYTES = 16 * 1024**2
STEPWISE = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Of bzip2 and LZMA Python unpacks all that it has read at once: 500 bytes to half a GiB."""
_STEP = 256 * 1024
_GZIP, _ZIP, _TAR_AT, _TAR = b"\x1f\x8b", b"PK\x03\x04", 257, b"ustar"
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, struct.error,
           NotImplementedError, RuntimeError, ValueError)  # fmt: skip


@dataclass(frozen=True)
class Bounds:
    """`check` is called now and then, and may raise to give up."""

    max_bytes: int
    check: Callable[[], None] = lambda: None


def unpack(path: Path, name: str, folder: Path, bounds: Bounds) -> tuple[Path, str]:
    """The data file, and its name: `path` itself where it is no archive. Raises DatasetError."""
    with path.open("rb") as file:
        head = file.read(512)
    try:
        if head.startswith(_ZIP):
            return _from_zip(path, folder, bounds)
        if head.startswith(_GZIP):
            plain = folder / "unpacked"
            with gzip.open(path) as packed, plain.open("wb") as out:
                _copy(packed, out, path.stat().st_size, bounds)
            if _is_tar(plain):
                return _from_tar(plain, folder, bounds)
            return plain, name.removesuffix(".gz")
        if _is_tar(path):
            return _from_tar(path, folder, bounds)
    except _BROKEN as error:
        raise DatasetError(f"The archive is broken: {error}") from error
    return path, name


def _copy(
    source: IO[bytes] | gzip.GzipFile, target: IO[bytes], packed_bytes: int, bounds: Bounds
) -> None:
    most = min(bounds.max_bytes, max(RATIO_FREE_BYTES, MOST_RATIO * packed_bytes))
    size = 0
    while part := source.read(_STEP):
        bounds.check()
        size += len(part)
        if size > bounds.max_bytes:
            raise DatasetError(
                f"Unpacked it is larger than the {bounds.max_bytes / 1024**2:g} MiB that a data set"
                " may have. An administrator can raise DATASET_MIB."
            )
        if size > most:
            raise DatasetError(
                f"It unpacks to more than {MOST_RATIO} times its size: no text does that."
            )
        target.write(part)


# zip


def _from_zip(path: Path, folder: Path, bounds: Bounds) -> tuple[Path, str]:
    _check_directory(path)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        _check_count(len(entries))
        for entry in entries:
            _check_name(entry.filename)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise _no_file(entry.filename)
        chosen = _choose([one.filename for one in entries if not one.is_dir()])
        entry = archive.getinfo(chosen)
        if entry.compress_type not in STEPWISE:
            raise DatasetError(
                f"{_shown(chosen)} in the archive is packed in a way that is not read: pack it as"
                " zip does by default (deflate)."
            )
        if entry.flag_bits & 1:
            raise DatasetError(f"{_shown(chosen)} in the archive is encrypted.")
        target = folder / "unpacked"
        with archive.open(entry) as packed, target.open("wb") as out:
            _copy(packed, out, path.stat().st_size, bounds)
    return target, PurePosixPath(chosen).name


def _check_directory(path: Path) -> None:
    """Before the list of entries is read, which is held in memory whole."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_577))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise DatasetError("The archive is broken: it has no end.")
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise DatasetError("The archive is of the kind zip64, which is for more than this takes.")
    count, length = struct.unpack_from("<HI", tail, at + 10)
    _check_count(count)
    if length > MOST_DIRECTORY_BYTES:
        _check_count(MOST_ENTRIES + 1)


# tar


class _Careful:
    """A file that is read in small parts: a header may claim any length for itself, and a list of
    holes in a file is as long as it likes. `headers_left` counts until they are all read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.headers_left: int | None = MOST_HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_DIRECTORY_BYTES:
            raise DatasetError("The archive is broken: a header in it is longer than 1 MiB.")
        if self.headers_left is not None:
            self.headers_left -= size
            if self.headers_left < 0:
                raise DatasetError("The archive is broken: its headers are longer than 8 MiB.")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(512)[_TAR_AT:].startswith(_TAR)


def _from_tar(path: Path, folder: Path, bounds: Bounds) -> tuple[Path, str]:
    target = folder / "from_tar"
    with path.open("rb") as file:
        careful = _Careful(file)
        read_by: Any = careful
        with tarfile.open(fileobj=read_by, mode="r:") as archive:
            names = []
            for count, member in enumerate(archive, 1):
                bounds.check()
                _check_count(count)
                _check_name(member.name)
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise _no_file(member.name)
                names.append(member.name)
            chosen = _choose(names)
            careful.headers_left = None
            packed = archive.extractfile(chosen)
            if packed is None:
                raise _no_file(chosen)
            with packed, target.open("wb") as out:
                _copy(packed, out, path.stat().st_size, bounds)
    return target, PurePosixPath(chosen).name.encode("utf-8", "replace").decode()


# Both


def _check_count(count: int) -> None:
    if count > MOST_ENTRIES:
        raise DatasetError(f"The archive has more than {MOST_ENTRIES} entries: pack the one file.")


def _check_name(name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or name[1:2] == ":" or "\0" in name:
        raise DatasetError(f"The archive names a place outside of itself: {_shown(name)}.")


def _no_file(name: str) -> DatasetError:
    return DatasetError(
        f"{_shown(name)} in the archive is a link or a device: only files may be in it."
    )


def _choose(names: Sequence[str]) -> str:
    def is_hidden(name: str) -> bool:
        return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)

    seen = [name for name in names if not is_hidden(name)]
    data = [name for name in seen if PurePosixPath(name).suffix.lower() in SUFFIXES]
    found = data or seen
    if len(found) == 1:
        return found[0]
    if not found:
        raise DatasetError("There is no file in the archive.")
    some = ", ".join(map(_shown, found[:5])) + (" …" if len(found) > 5 else "")
    raise DatasetError(f"There are {len(found)} files in the archive ({some}): pack the one.")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:80]}…")
