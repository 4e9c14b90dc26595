"""What a server uses while it is measured: sampled once a second into `usage.csv`.

Columns: `elapsed_s` since sampling began, `phase`, then whatever the sources tell: `cpu_cores`,
`memory_bytes`, and of each GPU `gpu_percent:<uuid>`, `gpu_memory_bytes:<uuid>`,
`gpu_power_w:<uuid>`. A source that learns to tell more later begins a new header line.
"""

import csv
import io
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from experiments_app import nvml
from experiments_app.gpus import read_gpus
from experiments_app.processes import ProcessIdentity
from experiments_app.sampling import SamplingThread

logger = logging.getLogger(__name__)

FILE = "usage.csv"
INTERVAL_S = 1.0
CPU, MEMORY = "cpu_cores", "memory_bytes"
GPU_PERCENT, GPU_MEMORY, GPU_POWER = "gpu_percent", "gpu_memory_bytes", "gpu_power_w"
PROCESSES_SAMPLES = 5  # between two looks for new processes

UsageSource = Callable[[], Mapping[str, float]]


def gpu_usage(uuids: Iterable[str]) -> dict[str, float]:
    """What the GPUs do now. A sampler keeps NVML started, so that asking is cheap."""
    found: dict[str, float] = {}
    for uuid, reading in read_gpus(uuids).items():
        values = {
            GPU_PERCENT: reading.utilisation_percent,
            GPU_MEMORY: reading.memory_used_bytes,
            GPU_POWER: reading.power_w,
        }
        found |= {f"{name}:{uuid}": value for name, value in values.items() if value is not None}
    return found


class ProcessUsage:
    """A source: CPU cores and memory of processes of this host, which `find` names.

    CPU is the mean since the call before, so the first call tells memory alone. Pages that
    processes share count in each.
    """

    def __init__(self, find: Callable[[], Iterable[ProcessIdentity]]) -> None:
        self._find = find
        self._processes: dict[ProcessIdentity, psutil.Process] = {}
        self._cpu_s: dict[ProcessIdentity, float] = {}
        self._seen_at = 0.0
        self._calls = 0

    def __call__(self) -> dict[str, float]:
        if self._calls % PROCESSES_SAMPLES == 0 or not self._processes:
            self._look()
        self._calls += 1
        now_s, cpu_s, memory_bytes = time.monotonic(), dict[ProcessIdentity, float](), 0
        for identity, process in list(self._processes.items()):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    memory_bytes += process.memory_info().rss
            except psutil.Error:
                del self._processes[identity]
                continue
            cpu_s[identity] = times.user + times.system
        if not cpu_s:
            return {}
        usage = {MEMORY: float(memory_bytes)}
        if self._cpu_s:
            used_s = sum(seconds - self._cpu_s.get(i, 0.0) for i, seconds in cpu_s.items())
            usage[CPU] = used_s / max(now_s - self._seen_at, 1e-3)
        self._cpu_s, self._seen_at = cpu_s, now_s
        return usage

    def _look(self) -> None:
        for identity in self._find():
            if identity not in self._processes and (process := identity.process()):
                self._processes[identity] = process


class UsageSampler(SamplingThread):
    """Samples in a thread, from `with` to its end; nothing that goes wrong in it leaves it.

    A source that fails leaves its cells empty, a full disk loses lines, a source that hangs is
    left behind.
    """

    def __init__(
        self, folder: Path, sources: Sequence[UsageSource], interval_s: float = INTERVAL_S
    ) -> None:
        self._path = folder / FILE
        self._sources = tuple(sources)
        self._interval_s = interval_s
        self._phase = "starting"
        self._columns: list[str] = []
        self._told: set[str] = set()
        self._header_due = False
        super().__init__("usage")

    def enter(self, phase: str) -> None:
        """What is sampled from now on belongs to this phase."""
        self._phase = phase

    def _run(self) -> None:
        began_at = time.monotonic()
        try:
            with nvml.kept_started():
                while not self._stop.is_set():
                    sampled_at = time.monotonic()
                    self._sample(sampled_at - began_at)
                    spent_s = time.monotonic() - sampled_at
                    self._stop.wait(max(self._interval_s - spent_s, self._interval_s / 10))
        except Exception:  # a bug here must not cost a measurement
            logger.exception("usage is not sampled any more")

    def _sample(self, elapsed_s: float) -> None:
        phase = self._phase
        values: dict[str, float] = {}
        for source in self._sources:
            try:
                values.update(source())
            except Exception as error:  # noqa: BLE001  # whatever it is, only the picture suffers
                self._tell_once(f"a source of usage fails: {type(error).__name__}: {error}")
        if self._stop.is_set():
            return
        if new := [name for name in values if name not in self._columns]:
            self._columns += new
            self._header_due = True
        if self._header_due:
            self._header_due = not self._write(["elapsed_s", "phase", *self._columns])
        if self._columns and not self._header_due:
            cells = (f"{values[n]:.10g}" if n in values else "" for n in self._columns)
            self._write([f"{elapsed_s:.2f}", phase, *cells])

    def _write(self, cells: Sequence[str]) -> bool:
        """One line, at once and whole: the page draws while we write."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        line = text.getvalue().encode()
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(descriptor).st_size
                if os.write(descriptor, line) == len(line):
                    return True
                os.ftruncate(descriptor, size)  # the disk is full: half a line would be misread
            finally:
                os.close(descriptor)
        except OSError as error:
            self._tell_once(f"{self._path} cannot be written: {error.strerror}")
        return False

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            with suppress(Exception):
                logger.warning("%s", message)
