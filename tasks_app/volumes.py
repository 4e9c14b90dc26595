"""Folders of the host that a task wants in its container: what it may ask for, and may have."""

import os
import posixpath
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from tasks_app.flags import CONTROL_CHARACTER
from tasks_app.problems import Problem

RIGHT = "write /host/folder:/folder or /host/folder:/folder:rw"
TARGETS_TAKEN = ("/proc", "/sys", "/dev", "/model", "/hf", "/etc/ssl/autotuner-ca.pem")
"""The kernel's places, and those where a container finds its model, the hub's cache and the CA."""
SOCKETS = (
    *("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"),
    "/run/podman/podman.sock",
)
SYSTEM_FOLDERS = (
    *("/proc", "/sys", "/dev"),
    *("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers"),
)
"""The kernel's places, and where the container engines keep images and containers."""
_SOCKET_NAMES = frozenset(posixpath.basename(path) for path in SOCKETS)
_RULES = "and whoever has that rules this host"
# What the option of a mount cannot hold: its parts are separated by these.
_UNFIT = re.compile(r"[:,\"\\]")


class VolumeRefused(Exception):
    """A container cannot have it; the message says why, `suggestion` what would be right."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(f"{message} ({suggestion})" if suggestion else message)
        self.message = message
        self.suggestion = suggestion


@dataclass(frozen=True)
class Volume:
    """`source`: absolute path on the host; `target`: absolute path in the container."""

    source: str
    target: str
    read_only: bool = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """What an entry says, without a look at this host. Raises VolumeRefused."""
        if match := CONTROL_CHARACTER.search(text):
            raise VolumeRefused(f"holds the control character {match[0]!r}")
        source, _, rest = text.partition(":")
        target, _, mode = rest.partition(":")
        if not target or ":" in mode or rest.endswith(":"):
            raise VolumeRefused(f"{text!r} is not a volume", RIGHT)
        if mode not in {"", "ro", "rw"}:
            raise VolumeRefused(f"{mode!r} is not how a volume is mounted", "write ro or rw")
        _check_path(source)
        _check_path(target)
        _check_source(source)
        _check_target(target)
        return cls(source, target, read_only=mode != "rw")


def mountable(entry: str, allowed: Sequence[Path], forbidden: Sequence[Path] = ()) -> Volume:
    """The volume with the links of its source followed, as this host has it.

    `allowed`: the folders that the site lets tasks mount from. `forbidden`: what no task gets,
    although it may lie in one of them. Raises VolumeRefused.
    """
    volume = Volume.parse(entry)
    if not allowed:
        raise VolumeRefused(
            "this site lets tasks mount nothing",
            "its administrator can name folders in DOCKER_VOLUMES",
        )
    try:
        real = Path(volume.source).resolve(strict=True)
        mode = real.stat().st_mode
        roots = [folder.resolve() for folder in allowed]
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or "its links lead in a circle"
        raise VolumeRefused(f"{volume.source} cannot be used: {reason}") from error
    place = volume.source if str(real) == volume.source else f"{volume.source}, which is {real},"
    if not any(real.is_relative_to(root) for root in roots):
        listed = ", ".join(map(str, allowed))
        raise VolumeRefused(
            f"{place} lies outside the folders that tasks may mount from",
            f"DOCKER_VOLUMES names {listed}",
        )
    _check_path(str(real))
    _check_source(str(real), {*SOCKETS, *map(os.path.realpath, SOCKETS)})
    kept = (*map(Path, SYSTEM_FOLDERS), *forbidden)
    _check_apart(place, str(real), (os.path.realpath(folder) for folder in kept))
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise VolumeRefused(f"{place} is neither a folder nor a file")
    if any(os.path.lexists(real / name) for name in _SOCKET_NAMES):
        raise VolumeRefused(f"{place} holds the container engine's socket, {_RULES}")
    return replace(volume, source=str(real))


def volume_problems(
    volumes: Sequence[str], allowed: Sequence[Path], forbidden: Sequence[Path] = ()
) -> list[Problem]:
    """Why a container of this host cannot have these volumes."""
    problems = []
    for index, entry in enumerate(volumes):
        try:
            mountable(entry, allowed, forbidden)
        except VolumeRefused as error:
            problems.append(Problem(f"container.volumes[{index}]", error.message, error.suggestion))
    return problems


def _check_path(path: str) -> None:
    if not path.startswith("/"):
        raise VolumeRefused(f"{path!r} is not an absolute path", RIGHT)
    if ".." in path.split("/"):
        raise VolumeRefused(f"{path!r} leaves its folder", "write the path without ..")
    if match := _UNFIT.search(path):
        raise VolumeRefused(f"{path!r} holds {match[0]!r}, which a mount cannot", "rename it")
    normal = "/" + posixpath.normpath(path).lstrip("/")
    if normal != path:
        raise VolumeRefused(f"{path!r} is not written plainly", f"write {normal}")


def _check_source(source: str, sockets: Iterable[str] = SOCKETS) -> None:
    if source == "/":
        raise VolumeRefused("the whole file system cannot be mounted", "name a folder")
    if source in sockets or posixpath.basename(source) in _SOCKET_NAMES:
        raise VolumeRefused(f"{source} is the container engine's socket, {_RULES}")
    if any(_is_within(socket, source) for socket in sockets):
        raise VolumeRefused(f"{source} holds the container engine's socket, {_RULES}")
    _check_apart(source, source, SYSTEM_FOLDERS)


def _check_apart(place: str, source: str, forbidden: Iterable[str]) -> None:
    for taken in forbidden:
        if _is_within(source, taken) or _is_within(taken, source):
            raise VolumeRefused(f"{place} reaches {taken}, which no task may have")


def _check_target(target: str) -> None:
    if target == "/":
        raise VolumeRefused("a volume cannot lie over the container's whole file system")
    for taken in TARGETS_TAKEN:
        if _is_within(target, taken) or _is_within(taken, target):
            raise VolumeRefused(f"{target} would lie over {taken}, which has its own use there")


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
