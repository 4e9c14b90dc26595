"""How often the kernel has killed for memory here: a bare SIGKILL does not tell."""

from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def oom_kills() -> int:
    """Processes that the kernel's out-of-memory killer has ended in our control group, which a
    server that we start is in; on the whole host where no group
    counts them. Linux; else 0.

    What containers beside us lose counts in their own groups.
    """
    return next((found for found in map(_count, _files()) if found is not None), 0)


def host_oom_kills() -> int:
    """The same for the whole host, containers included."""
    return _count(Path("/proc/vmstat")) or 0


def _files() -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    files = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            files.append(CGROUPS / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            files.append(CGROUPS / "memory" / path.lstrip("/") / "memory.oom_control")
    return [*files, Path("/proc/vmstat")]


def _count(path: Path) -> int | None:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
