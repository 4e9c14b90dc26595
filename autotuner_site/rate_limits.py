"""How often somebody may come, counted for all processes of the site together.

Each key has a bucket of calls that fills again at a steady pace; a call takes one out. Kept of it
is only when it will be full, in a slot of one small file: a call costs a lock, a read and a write,
nothing of the database, and whoever comes from a million addresses makes nothing larger.
"""

import fcntl
import logging
import math
import os
import struct
import time
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)
FILE_NAME = "rates"
SLOTS = 4096
LOOKED_AT = 8
"""Slots that a key may lie in. Where others have all of them, the one that is next to full goes."""
_SLOT = struct.Struct("<Qd")


@dataclass(frozen=True)
class Rate:
    """So many `calls` at once, and as many again in each `per_s`; 0: any number."""

    calls: int
    per_s: float = 60.0


def take(key: str, rate: Rate, path: Path | None = None) -> int:
    """Take a call out of the bucket of `key`: 0, or in how many seconds there will be one."""
    if not rate.calls:
        return 0
    try:
        descriptor = os.open(path or _path(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return _take(descriptor, key, rate)
        finally:
            os.close(descriptor)
    except OSError:  # a full disk locks nobody out
        logger.exception("calls are not counted")
        return 0


def _take(descriptor: int, key: str, rate: Rate) -> int:
    digest = int.from_bytes(blake2b(key.encode(), digest_size=8).digest())
    first = digest % (SLOTS - LOOKED_AT + 1)
    found = os.pread(descriptor, LOOKED_AT * _SLOT.size, first * _SLOT.size)
    slots = list(_SLOT.iter_unpack(found.ljust(LOOKED_AT * _SLOT.size, b"\0")))
    mine = next((n for n, (whose, _) in enumerate(slots) if whose == digest), None)
    place = min(range(LOOKED_AT), key=lambda n: slots[n][1]) if mine is None else mine
    now = time.time()
    full_at = now if mine is None else slots[mine][1]
    full_at = min(max(full_at, now), now + rate.per_s)  # also where the clock was set back
    full_at += rate.per_s / rate.calls
    if full_at > now + rate.per_s:
        return max(1, math.ceil(full_at - now - rate.per_s))
    os.pwrite(descriptor, _SLOT.pack(digest, full_at), (first + place) * _SLOT.size)
    return 0


def _path() -> Path:
    root: Path = settings.HOME.root
    return root / FILE_NAME
