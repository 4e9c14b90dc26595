"""Where a command writes what it makes: a file that is whole or as it was, or standard output."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autotuner_site.commands import BadInput


def write_file(path: Path, parts: Iterable[bytes]) -> int:
    """As `write_whole`, for a path that somebody named. Raises BadInput."""
    try:
        return write_whole(path, parts)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error


def write_whole(path: Path, parts: Iterable[bytes]) -> int:
    """Its size in bytes. What stood there stays, and its mode, until all of the new one is written;
    what is no plain file (a pipe, /dev/null) is written to as it is. Raises OSError."""
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            return sum(file.write(part) for part in parts)
    return _replace(path.resolve(), parts)


def write_output(stdout: Any, parts: Iterable[bytes]) -> None:
    """To a command's standard output as it is, unless that is a terminal: then BadInput."""
    raw = getattr(getattr(stdout, "_out", stdout), "buffer", None)
    if raw is None or stdout.isatty():
        raise BadInput("this is no text for a terminal: give --output FILE, or redirect the output")
    for part in parts:
        raw.write(part)
    raw.flush()


def _replace(path: Path, parts: Iterable[bytes]) -> int:
    unfinished = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        with unfinished.open("xb") as file:
            size = sum(file.write(part) for part in parts)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            unfinished.chmod(path.stat().st_mode & 0o777)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return size
