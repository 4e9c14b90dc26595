"""What a container leaves in the host's shared memory, where it has the host's IPC.

Engines and NCCL unlink their segments only when they end in order. One that is killed leaves them
in this host's memory, and who else may use a segment cannot be told: so it is said, not removed.
"""

from pathlib import Path

FOLDER = Path("/dev/shm")  # noqa: S108
WORTH_TELLING_BYTES = 1024**2


class SharedMemory:
    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._before: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def begin(self) -> None:
        self._before = _segments() if self._shared else {}

    def end(self) -> None:
        after = _segments() if self._shared else {}
        self._left = {name: size for name, size in after.items() if name not in self._before}

    @property
    def left_behind(self) -> str | None:
        """A sentence, or None for nothing worth telling."""
        size_bytes = sum(self._left.values())
        if size_bytes < WORTH_TELLING_BYTES:
            return None
        return (
            f"left {size_bytes / 1024**2:,.0f} MiB in this host's {FOLDER}"
            f" ({', '.join(sorted(self._left)[:5])}): memory that nothing gives back;"
            " container.ipc: private avoids it"
        )


def _segments() -> dict[str, int]:
    """Name and bytes of each."""
    found = {}
    try:
        for path in FOLDER.iterdir():
            if path.is_file():
                found[path.name] = path.stat().st_size
    except OSError:  # no such place, or gone while we look
        return found
    return found
