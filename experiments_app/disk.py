"""Room on the disks that are written to: how much there is, and waiting until there is some."""

import errno
import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError

from experiments_app.hub.cache import hf_home

logger = logging.getLogger(__name__)

GIBIBYTE = 1024**3
ENOUGH_AGAIN = 1.25
"""So many times the least before what was paused goes on: else one file would pause it again."""
CRITICAL = 0.5
"""With less than this part of the least, an experiment under way is not measured to its end."""
WAIT_S = 1.0
MAX_WAIT_S = 3600.0
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
# SQLite's words, then PostgreSQL's.
FULL_WORDS = ("disk is full", "disk I/O error", "No space left on device")

T = TypeVar("T")


class DiskFull(Exception):
    """There is too little room to go on; the message says how much, and where."""


@dataclass(frozen=True)
class Room:
    """What is free under `folder`; `least_bytes` is what MIN_FREE_DISK_GIB asks for, 0: nothing."""

    folder: Path
    free_bytes: int
    least_bytes: int

    @property
    def is_short(self) -> bool:
        return self.free_bytes < self.least_bytes

    @property
    def is_critical(self) -> bool:
        return self.free_bytes < CRITICAL * self.least_bytes

    @property
    def is_ample(self) -> bool:
        return self.free_bytes >= ENOUGH_AGAIN * self.least_bytes

    @property
    def words(self) -> str:
        return (
            f"the disk is nearly full: {_gib(self.free_bytes)} free under {self.folder},"
            f" at least {_gib(self.least_bytes)} are wanted (MIN_FREE_DISK_GIB)"
        )

    @property
    def amounts(self) -> str:
        """Without the place, for whoever may not know it."""
        return f"{_gib(self.free_bytes)} free, at least {_gib(self.least_bytes)} are wanted"


def room() -> Room:
    """Where there is least."""
    return min(rooms(), key=lambda room: room.free_bytes)


def rooms() -> list[Room]:
    """Of each folder that fills up with the work: the site's data, the hub's models, and Docker's
    images and containers, where a task has used an engine on this machine."""
    least_bytes = round(settings.MIN_FREE_DISK_GIB * GIBIBYTE)
    folders = [settings.HOME.root, hf_home()]
    with suppress(OSError):
        folders.append(Path(settings.HOME.docker_folder.read_text()))
    return [
        Room(folder, free_bytes, least_bytes)
        for folder in folders
        if (free_bytes := free_under(folder)) is not None
    ]


def free_under(path: Path) -> int | None:
    """Free bytes where `path` is, or is going to be; None where that cannot be seen."""
    for folder in (path, *path.parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def is_full(error: BaseException) -> bool:
    """Whether the system said that there is no room."""
    if isinstance(error, OSError):
        return error.errno in FULL_ERRNOS
    return isinstance(error, DatabaseError) and any(word in str(error) for word in FULL_WORDS)


def when_there_is_room(
    write: Callable[[], T], check: Callable[[], None] = lambda: None, *, wait_s: float = WAIT_S
) -> T:
    """What `write` returns; where the disk is full it is done again until there is room.

    `check` raises when there is no reason to wait any longer; after an hour the error itself is.
    """
    until = time.monotonic() + MAX_WAIT_S
    while True:
        try:
            return write()
        except (DatabaseError, OSError) as error:
            if not is_full(error) or time.monotonic() > until:
                raise
            logger.warning("waiting for room on the disk: %s", error)
            check()
            time.sleep(wait_s)


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIBIBYTE:.3g} GiB"
