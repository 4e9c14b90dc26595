"""This host's GPUs, asked of NVIDIA's driver through NVML (nvidia-ml-py).

Everything that NVML may refuse is told and nothing of it raised: without a driver there are no
GPUs, a field that a GPU does not have is None, a GPU that fell off the bus is left out and named
among the faults. Nor does anybody wait for ever: a driver that hangs is a fault too.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import pynvml

from experiments_app import nvml, words
from experiments_app.gpu_processes import GpuProcess, processes_of
from experiments_app.nvml import Handle

logger = logging.getLogger(__name__)

# A GPU at rest holds some hundred MiB for its driver; more, with no process to be seen, is somebody
# whom this namespace does not show (another container's process, say).
UNSEEN_USE_BYTES = 1 << 30
# Pages and the planner may look at what was seen so long ago: NVML takes up to seconds to start
# where the driver is not kept loaded.
GLANCE_S = 5.0
# How long a survey is waited for: by pages, which have an older one to show, and by who must know.
PAGE_WAIT_S = 5.0
MAX_WAIT_S = 20.0
NO_ANSWER = (
    "the GPU driver does not answer: look for Xid errors in the kernel's log (`dmesg`), and"
    " restart the machine if it stays so"
)


@dataclass(frozen=True)
class Gpu:
    """A GPU, or with `is_mig` a slice of one. `index` is the driver's; slices share their GPU's.

    `processes` are those that compute; the windows of a desktop are not counted.
    """

    uuid: str
    index: int
    name: str
    memory_total_bytes: int
    memory_used_bytes: int
    utilisation_percent: int | None
    power_w: float | None
    processes: tuple[GpuProcess, ...] = ()
    is_mig: bool = False
    has_windows: bool = False
    power_limit_w: float | None = None

    @property
    def label(self) -> str:
        return f"GPU {self.index} ({short_uuid(self.uuid)})" if self.is_mig else f"GPU {self.index}"

    @property
    def used_by(self) -> str:
        """Who computes on it; empty when nobody does."""
        if self.processes:
            return ", ".join(map(str, self.processes))
        if self.memory_used_bytes > UNSEEN_USE_BYTES and not self.has_windows:
            used = words.size(self.memory_used_bytes)
            return f"a process that cannot be seen from here ({used} in use)"
        return ""


@dataclass(frozen=True)
class GpuSurvey:
    """What NVML says at one moment; while the driver `hangs`, what it said before."""

    gpus: tuple[Gpu, ...] = ()
    driver_version: str = ""
    faults: tuple[str, ...] = ()
    hangs: bool = False

    @cached_property
    def by_uuid(self) -> dict[str, Gpu]:
        return {gpu.uuid: gpu for gpu in self.gpus}

    @property
    def most_for_one(self) -> int:
        """How many GPUs one configuration can have. A program sees one MIG slice at a time, so
        slices do not add up."""
        whole = sum(not gpu.is_mig for gpu in self.gpus)
        return whole or min(len(self.gpus), 1)


def find_gpus() -> list[Gpu]:
    """By index; empty without a driver that answers."""
    found = survey()
    return [] if found.hangs else list(found.gpus)


def driver_version() -> str:
    """Empty without a driver."""
    return glance().driver_version


def gpu_count() -> int:
    """How many GPUs one configuration can have on this host."""
    return glance().most_for_one


def gpu_names(uuids: Iterable[str]) -> list[str]:
    """`GPU 0 · NVIDIA H100 · GPU-1a2b3c4d` for each; of GPUs that are not here, the last part."""
    known = glance().by_uuid
    return [
        f"GPU {gpu.index} · {gpu.name} · {short_uuid(uuid)}"
        if (gpu := known.get(uuid))
        else short_uuid(uuid)
        for uuid in uuids
    ]


def gpu_labels(uuids: Iterable[str]) -> dict[str, str]:
    """By uuid what a legend has room for: `GPU 0`."""
    known = glance().by_uuid
    return {uuid: known[uuid].label if uuid in known else short_uuid(uuid) for uuid in uuids}


def short_uuid(uuid: str) -> str:
    """As much as tells the GPUs of a host apart: `GPU-1a2b3c4d`."""
    return "-".join(uuid.split("-")[:2])


def glance(max_age_s: float = GLANCE_S) -> GpuSurvey:
    """A survey that may be `max_age_s` old: for pages and planning, never to give GPUs away."""
    return _last.get(max_age_s, PAGE_WAIT_S)


def survey() -> GpuSurvey:
    """What NVML says now."""
    return _last.get(0.0, MAX_WAIT_S)


@dataclass(frozen=True)
class GpuReading:
    """What a GPU does now; None where it cannot tell."""

    utilisation_percent: int | None
    memory_used_bytes: int | None
    power_w: float | None
    energy_j: float | None = None


def read_gpus(uuids: Iterable[str]) -> dict[str, GpuReading]:
    """A quick look at a few GPUs; those that do not answer are left out."""
    readings: dict[str, GpuReading] = {}
    with suppress(pynvml.NVMLError), nvml.started():
        for uuid in uuids:
            handle = nvml.ask(pynvml.nvmlDeviceGetHandleByUUID, uuid)
            if handle is not None:
                memory = nvml.ask(nvml.memory, handle)
                used_bytes = None if memory is None else memory[1]
                readings[uuid] = GpuReading(
                    nvml.utilisation(handle),
                    used_bytes,
                    nvml.power_w(handle),
                    nvml.energy_j(handle),
                )
    return readings


class _Last:
    """The latest survey of this process.

    Each is made in a thread: a wedged driver holds whoever asks it for minutes. While one hangs no
    other is begun.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._survey: GpuSurvey | None = None
        self._begun_at = self._ended_at = -math.inf
        self._asking_since: float | None = None

    def get(self, max_age_s: float, max_wait_s: float) -> GpuSurvey:
        """One at most `max_age_s` old, with 0 one begun from now on; else, when the driver has been
        asked for `max_wait_s` without an answer, the one before and that it hangs."""
        since = time.monotonic() - max_age_s
        with self._changed:
            while (self._ended_at if max_age_s else self._begun_at) < since:
                if self._asking_since is None:
                    now = time.monotonic()
                    thread = threading.Thread(target=self._ask, args=(now,), daemon=True)
                    thread.start()
                    self._asking_since = now
                # The first one has the time that a driver takes to wake all GPUs of a large host.
                patience_s = max_wait_s if self._survey else MAX_WAIT_S
                left_s = self._asking_since + patience_s - time.monotonic()
                if left_s <= 0:
                    before = self._survey or GpuSurvey()
                    return replace(before, faults=(NO_ANSWER, *before.faults), hangs=True)
                self._changed.wait(left_s)
            return self._survey or GpuSurvey()

    def _ask(self, begun_at: float) -> None:
        try:
            with nvml.started():
                found = _survey()
        except pynvml.NVMLError as error:
            found = GpuSurvey(faults=(nvml.fault_words(error),))
        except Exception as error:  # who waits must be told
            logger.exception("the GPUs cannot be looked at")
            found = GpuSurvey(faults=(f"a fault of this program: {type(error).__name__}: {error}",))
        with self._changed:
            self._survey, self._asking_since = found, None
            self._begun_at, self._ended_at = begun_at, time.monotonic()
            self._changed.notify_all()


_last = _Last()


def _begin_anew() -> None:
    """A forked worker has none of the threads that its parent waits for."""
    global _last  # noqa: PLW0603
    _last = _Last()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_anew)


def _survey() -> GpuSurvey:
    gpus: list[Gpu] = []
    faults: list[str] = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            found = [_gpu(h, index, is_mig=True) for h in nvml.mig_slices(handle)]
            if found or not nvml.is_mig_parent(handle):
                gpus += found or [_gpu(handle, index)]
                continue
            faults.append(
                f"GPU {index}: MIG is on and it has no slice: make one"
                " (`nvidia-smi mig -cgi … -C`) or switch MIG off"
            )
        except pynvml.NVMLError as error:
            faults.append(f"GPU {index}: {nvml.fault_words(error)}")
    version = nvml.ask(pynvml.nvmlSystemGetDriverVersion)
    return GpuSurvey(tuple(gpus), version or "", tuple(faults))


def _gpu(handle: Handle, index: int, *, is_mig: bool = False) -> Gpu:
    """Raises NVMLError where the GPU does not even tell who it is."""
    total, used = nvml.memory(handle)
    return Gpu(
        uuid=pynvml.nvmlDeviceGetUUID(handle),
        index=index,
        name=pynvml.nvmlDeviceGetName(handle),
        memory_total_bytes=total,
        memory_used_bytes=used,
        utilisation_percent=nvml.utilisation(handle),
        power_w=nvml.power_w(handle),
        processes=processes_of(handle),
        is_mig=is_mig,
        has_windows=bool(nvml.ask(pynvml.nvmlDeviceGetGraphicsRunningProcesses, handle)),
        power_limit_w=nvml.power_limit_w(handle),
    )
