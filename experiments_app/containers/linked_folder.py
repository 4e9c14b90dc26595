"""What a container must be given so that the links of a model's folder lead somewhere in it too.

Plain paths: a link counts by where it leads, and nothing outside the allowed root is ever given.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

# The shell command of a container separates the options of a mount by commas, and Docker's older
# form by colons.
UNFIT = (":", ",", '"', "\n", "\r", "\0")
MAX_LINKS = 40  # of one path, as the kernel has it
MAX_ENTRIES = 50_000


class NotMountable(Exception):
    """It cannot be given to a container; the message says why and what would be right."""


def check_name(path: Path) -> None:
    """Raises NotMountable for a path that cannot stand in the option of a mount."""
    for character in UNFIT:
        if character in str(path):
            raise NotMountable(
                f"{str(path)!r} has {character!r} in it, which the options of a container's mount"
                " cannot hold. Rename it."
            )


def resolve_inside(path: Path, root: Path) -> Path:
    """`path` with its links followed. Raises NotMountable where that is not under `root`."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise NotMountable(f"{path} cannot be opened: {_cause(error)}.") from error
    if not real.is_relative_to(root):
        # pathlib leaves `..` standing; as written, the path may well begin with the root
        written = Path(os.path.normpath(path))
        is_link = written != real and written.is_relative_to(root)
        place = f"{path} is a link to {real}, which is" if is_link else f"{path} is"
        raise NotMountable(f"{place} outside {root}.")
    return real


def folder_to_mount(folder: Path, root: Path, names: Iterable[str] | None = None) -> Path:
    """The nearest folder that holds `folder` and all that its links lead to.

    The hub's cache, for one, has links from `snapshots/` to `blobs/` beside it. `folder`: resolved,
    under `root`, which is resolved too. `names`: the entries that matter; all without. Raises
    NotMountable for a link that would lead nowhere in the container, by name.
    """
    needed = {folder}
    seen: set[Path] = set()
    pending = [folder]
    if names is not None:
        pending = [place for name in names for place in _entry(folder / name, root, needed)]
    while pending:
        place = pending.pop()
        if place in seen or not place.is_dir():
            continue
        seen.add(place)
        for entry in _entries(place):
            pending += _entry(entry, root, needed)
        if len(seen) + len(needed) > MAX_ENTRIES:
            raise NotMountable(f"{folder} holds too much to be a model's folder.")
    common = Path(os.path.commonpath(needed))
    if common == Path(common.anchor):
        raise NotMountable(f"For {folder} the whole file system would have to be given.")
    check_name(common)
    return common


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise NotMountable(f"{folder} cannot be read: {_cause(error)}.") from error


def _entry(entry: Path, root: Path, needed: set[Path]) -> list[Path]:
    """Folders to look into behind an entry; what its link passes is added to `needed`."""
    if entry.is_symlink():
        passed = _follow(entry, root)
        needed.update(passed)
        entry = passed[-1]
    try:
        mode = entry.lstat().st_mode
    except OSError as error:
        raise NotMountable(f"{entry} cannot be read: {_cause(error)}.") from error
    if stat.S_ISDIR(mode):
        return [entry]
    if not stat.S_ISREG(mode):
        raise NotMountable(f"{entry} is neither a file nor a folder. Remove it.")
    return []


def _follow(link: Path, root: Path) -> list[Path]:
    """Every place that following a link passes, the last of them what it leads to."""
    at, passed = link.parent, [link.parent]
    pending = [link.name]
    links = 0
    while pending:
        part = pending.pop()
        at, here = (at.parent, at) if part == ".." else (at, at / part)
        if part != ".." and here.is_symlink():
            links += 1
            target = here.readlink()
            if links > MAX_LINKS:
                raise NotMountable(f"{link} is a link in a circle.")
            if target.is_absolute():
                raise NotMountable(
                    f"{_named(link, here)} is an absolute link (to {target}), which leads nowhere"
                    " in a container. Make it a relative one, or put the file itself there."
                )
            pending += reversed(target.parts)
            continue
        at = at if part == ".." else here
        if not at.is_relative_to(root):
            raise NotMountable(
                f"{_named(link, link)} is a link that leads out of {root}. Put the file itself"
                " there."
            )
        if not at.exists():
            raise NotMountable(f"{link} is a link to {at}, which does not exist.")
        passed.append(at)
    return passed


def _named(link: Path, here: Path) -> str:
    return str(link) if link == here else f"{link} leads to {here}, which"


def _cause(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
