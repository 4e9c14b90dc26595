"""Finding and ending the processes that experiments started (Linux and macOS).

A pid alone is not an identity: the system gives it to somebody else later. What we keep is the
pair of pid and creation time. What outlives a crash of ours is found by its *marker*, the
environment variable `AUTOTUNER_EXPERIMENT` that every process of an experiment inherits.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from experiments_app.parent_death import die_with_parent

__all__ = [
    "MARKER_VARIABLE",
    "MarkedProcess",
    "ProcessIdentity",
    "die_with_parent",
    "experiment_processes",
    "find_marked",
    "group_members",
    "kill_marked",
    "marker_matches",
    "physical_core_count",
    "stop_group",
    "stop_processes",
]

MARKER_VARIABLE = "AUTOTUNER_EXPERIMENT"

POLL_INTERVAL_S = 0.02
KILL_WAIT_S = 5.0  # SIGKILL is certain, its bookkeeping is not instant (GPU memory, core pages)
# psutil computes it from the boot time, whose clock may be adjusted between two readings.
CREATE_TIME_TOLERANCE_S = 1.0


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, told apart from a later one with the same pid."""

    pid: int
    create_time: float  # seconds since the epoch

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """Raises `ProcessLookupError` when there is no such process."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error as error:
            raise ProcessLookupError(f"there is no process {pid}") from error

    def process(self) -> psutil.Process | None:
        """The live process, or None once it ended (a zombie has ended)."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.create_time) > CREATE_TIME_TOLERANCE_S:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.Error:
            return None

    def is_alive(self) -> bool:
        return self.process() is not None


@dataclass(frozen=True)
class MarkedProcess:
    identity: ProcessIdentity
    marker: str


def physical_core_count() -> int:
    """Cores without their hyper-threads; what llama-server takes for `--threads` by default."""
    return psutil.cpu_count(logical=False) or os.cpu_count() or 1


def group_members(pgid: int) -> list[ProcessIdentity]:
    """The live processes of a process group."""
    found = []
    for pid in psutil.pids():
        try:
            if os.getpgid(pid) != pgid:
                continue
            identity = ProcessIdentity.of(pid)
        except (ProcessLookupError, PermissionError):
            continue
        if identity.is_alive():
            found.append(identity)
    return found


def marker_matches(marker: str, prefix: str) -> bool:
    """Whole segments only: `site/1` takes `site/1` and `site/1/bench`, never `site/12`."""
    if not prefix or not marker.startswith(prefix):
        return False
    rest = marker[len(prefix) :]
    return not rest or not prefix[-1].isalnum() or not rest[0].isalnum()


def find_marked(prefix: str) -> list[MarkedProcess]:
    """The live processes whose marker begins with the segments of `prefix`, except this one."""
    found = []
    for pid in psutil.pids():
        if pid == os.getpid():
            continue
        try:
            process = psutil.Process(pid)
            marker = process.environ().get(MARKER_VARIABLE, "")
            identity = ProcessIdentity(pid, process.create_time())
        except (psutil.Error, OSError):  # gone, or somebody else's and closed to us
            continue
        if marker_matches(marker, prefix) and identity.is_alive():
            found.append(MarkedProcess(identity, marker))
    return found


def experiment_processes(leader_pid: int, marker: str = "") -> list[ProcessIdentity]:
    """Everything a started command consists of: its group, its descendants, its marked ones.

    `leader_pid` is also the group's id. Three nets, because an engine may leave its group
    (`setsid` in a worker), lose its parent (a double fork) or clean its environment.
    """
    found = set(group_members(leader_pid))
    try:
        children = psutil.Process(leader_pid).children(recursive=True)
    except psutil.Error:
        children = []
    for child in children:
        try:
            identity = ProcessIdentity(child.pid, child.create_time())
        except psutil.Error:
            continue
        if identity.is_alive():
            found.add(identity)
    if marker:
        found.update(marked.identity for marked in find_marked(marker))
    return sorted(found, key=lambda identity: identity.pid)


def stop_group(pgid: int, grace_s: float) -> list[ProcessIdentity]:
    """SIGTERM to the group, `grace_s` to end, then SIGKILL. Returns what is still alive.

    An empty list is the proof that the group is gone. Zombies count as gone; their parent reaps
    them.
    """
    if pgid in (0, 1, os.getpgrp()):
        raise ValueError(f"refusing to end process group {pgid}: it is not a child's group")

    def members() -> list[ProcessIdentity]:
        return group_members(pgid)

    _signal_group(pgid, signal.SIGTERM)
    if not _wait_until_gone(members, grace_s):
        return []
    _signal_group(pgid, signal.SIGKILL)
    return _wait_until_gone(members, KILL_WAIT_S)


def stop_processes(identities: Iterable[ProcessIdentity], grace_s: float) -> list[ProcessIdentity]:
    """The same for single processes, each checked to be still itself before every signal."""
    wanted = list(identities)

    def alive() -> list[ProcessIdentity]:
        return [identity for identity in wanted if identity.is_alive()]

    if grace_s > 0:
        _signal_each(alive(), signal.SIGTERM)
        if not _wait_until_gone(alive, grace_s):
            return []
    _signal_each(alive(), signal.SIGKILL)
    return _wait_until_gone(alive, KILL_WAIT_S)


def kill_marked(prefix: str, grace_s: float = 0.0) -> list[MarkedProcess]:
    """End every process with that marker and return those that were found.

    Repeats until a look finds none, because a process may start another while it is ended.
    """
    ended: dict[ProcessIdentity, MarkedProcess] = {}
    for _ in range(5):
        marked = find_marked(prefix)
        if not marked:
            break
        ended.update((process.identity, process) for process in marked)
        stop_processes([process.identity for process in marked], grace_s)
    return list(ended.values())


def _wait_until_gone(
    look: Callable[[], list[ProcessIdentity]], timeout_s: float
) -> list[ProcessIdentity]:
    deadline = time.monotonic() + timeout_s
    while (remaining := look()) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
    return remaining


def _signal_group(pgid: int, signal_number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        os.killpg(pgid, signal_number)


def _signal_each(identities: Iterable[ProcessIdentity], signal_number: signal.Signals) -> None:
    for identity in identities:
        process = identity.process()
        if process is None:
            continue
        with suppress(psutil.Error):
            process.send_signal(signal_number)
