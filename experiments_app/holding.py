"""A time in which no experiment begins, for whoever exchanges the database under the site.

Locks of a file, which the system takes back from a process that dies.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

WAIT_S = 30.0


class StillBeginning(Exception):
    """Somebody else holds everything back, or a claim takes very long."""


@contextmanager
def nothing_begins() -> Iterator[None]:
    """No experiment is claimed while the block runs. Raises StillBeginning."""
    with _lock_file().open("ab") as file:
        deadline = time.monotonic() + WAIT_S
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                raise StillBeginning("another restore is under way")
            time.sleep(0.1)
        yield


@contextmanager
def may_begin() -> Iterator[bool]:
    """Whether an experiment may be claimed in the block."""
    with _lock_file().open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _lock_file() -> Path:
    root: Path = settings.HOME.root
    return root / "beginning.lock"
