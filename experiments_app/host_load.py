"""Reads how busy this machine is, and how much of that is ours (`foreign_load` judges it)."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil
from django.conf import settings

from experiments_app.foreign_load import Reading, seen_in
from experiments_app.gpu_processes import processes_on
from experiments_app.processes import ProcessIdentity, find_marked
from experiments_app.supervisor import SUPERVISED

MEMORY_PRESSURE = Path("/proc/pressure/memory")
READINGS_PER_LOOK = 5
"""Between two looks for new processes of ours."""
BUSY_LOOK_S = 0.5
BUSY_SHARE = 0.15
"""Of all processors, from which on a machine is called busy before anything is measured."""


class HostReader:
    """Gives a Reading each time that it is called, for one experiment.

    `container_cpu_s`: processor time so far of the server's container; 0 where there is none, None
    while that is not known: then there is no reading either.
    """

    def __init__(
        self,
        marker: str = "",
        gpu_ids: Iterable[str] = (),
        container_cpu_s: Callable[[], float | None] = lambda: 0.0,
    ) -> None:
        self._marker = marker
        self._gpu_ids = tuple(gpu_ids)
        self._container_cpu_s = container_cpu_s
        self._root = _root()
        self._processes: dict[ProcessIdentity, psutil.Process] = {}
        self._cpu_s: dict[ProcessIdentity, float] = {}
        self._ours_s = 0.0
        self._calls = 0
        self._on_gpus: frozenset[int] | None = None

    def __call__(self) -> Reading | None:
        container_s = self._container_cpu_s()
        if container_s is None:
            return None
        if self._calls % READINGS_PER_LOOK == 0:
            self._look()
        self._calls += 1
        busy_s, io_wait_s, stolen_s, cores = _processors()
        return Reading(
            at_s=time.monotonic(),
            cores=cores,
            busy_s=busy_s,
            ours_s=self._add_up() + container_s,
            stolen_s=stolen_s,
            io_wait_s=io_wait_s,
            stalled_s=_stalled_s(),
            gpu_strangers=self._strangers(),
        )

    def _look(self) -> None:
        """Those of ours that there are now; one that began since counts from its beginning."""
        found: list[psutil.Process] = [self._root]
        with suppress(psutil.Error):
            found += self._root.children(recursive=True)
        if self._marker:
            marked = (one.identity.process() for one in find_marked(self._marker))
            found += [process for process in marked if process is not None]
        for process in found:
            with suppress(psutil.Error):
                identity = ProcessIdentity(process.pid, process.create_time())
                self._processes.setdefault(identity, process)

    def _add_up(self) -> float:
        """Only ever grows: what an ended process had used stays in it."""
        for identity, process in list(self._processes.items()):
            try:
                times = process.cpu_times()
            except psutil.Error:
                del self._processes[identity]
                continue
            used_s = times.user + times.system
            self._ours_s += used_s - self._cpu_s.get(identity, 0.0)
            self._cpu_s[identity] = used_s
        return self._ours_s

    def _strangers(self) -> frozenset[str]:
        """Nobody computed on the GPUs when they were leased, and the first reading is taken when
        the server stands: who is there by then is its own, whatever namespace hides it. Who comes
        later is a stranger, unless it is one of ours."""
        if not self._gpu_ids:
            return frozenset()
        processes = processes_on(self._gpu_ids)
        if self._on_gpus is None:
            self._on_gpus = frozenset(process.pid for process in processes)
        new = [process for process in processes if process.pid not in self._on_gpus]
        if new:
            self._look()
        ours = {identity.pid for identity in self._processes}
        return frozenset(str(process) for process in new if process.pid not in ours)


def _root() -> psutil.Process:
    """This process, or the parent that serves the site and works through the queue."""
    root = psutil.Process()
    with suppress(psutil.Error):
        while root.environ().get(SUPERVISED) and (parent := root.parent()):
            root = parent
    return root


def _processors() -> tuple[float, float, float, int]:
    """Busy, waiting for a disk, stolen (seconds) and the number of the processors we may use."""
    each = psutil.cpu_times(percpu=True)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(each))
    times = [each[number] for number in allowed if number < len(each)] or each
    busy_s = io_wait_s = stolen_s = 0.0
    for one in times:
        # `user` and `nice` hold the guests' time already.
        parts = (getattr(one, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
        busy_s += sum(parts)
        io_wait_s += getattr(one, "iowait", 0.0)
        stolen_s += getattr(one, "steal", 0.0)
    return busy_s, io_wait_s, stolen_s, len(times)


def _stalled_s() -> float:
    """0 where the kernel does not tell (PSI, Linux 4.20 and later)."""
    try:
        some = MEMORY_PRESSURE.read_text().splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0


def busy_now(seconds: float = BUSY_LOOK_S) -> str:
    """What a measurement that began now would be disturbed by; empty on a quiet machine."""
    read = HostReader(marker=f"{settings.SITE_ID}:")
    first = read()
    time.sleep(seconds)
    last = read()
    found = seen_in([reading for reading in (first, last) if reading])
    if found.foreign < BUSY_SHARE * found.cores:
        return ""
    return f"other processes keep {found.foreign:.1f} of {found.cores} cores busy"
