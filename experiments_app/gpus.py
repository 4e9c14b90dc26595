"""This host's GPUs, asked of NVIDIA's driver through NVML (nvidia-ml-py).

Everything that NVML may refuse is told and nothing of it raised: without a driver there are no
GPUs, a field that a GPU does not have is None, a GPU that fell off the bus is left out and named
among the faults.
"""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import psutil
import pynvml

from experiments_app import nvml, words
from experiments_app.nvml import Handle

# A GPU at rest holds some hundred MiB for its driver; more, with no process to be seen, is somebody
# whom this namespace does not show (another container's process, say).
UNSEEN_USE_BYTES = 1 << 30
# Pages and the planner may look at what was seen so long ago: NVML takes up to seconds to start
# where the driver is not kept loaded.
GLANCE_S = 5.0


@dataclass(frozen=True)
class GpuProcess:
    """A process that computes on a GPU. `name` and `user` are empty where the process cannot be
    seen from here; `memory_bytes` is None where the driver does not tell."""

    pid: int
    name: str
    user: str
    memory_bytes: int | None

    def __str__(self) -> str:
        known = [f"pid {self.pid}"] + [f"user {self.user}"] * bool(self.user)
        return f"{self.name or 'a process'} ({', '.join(known)})"


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
    """What NVML says at one moment."""

    gpus: tuple[Gpu, ...] = ()
    driver_version: str = ""
    faults: tuple[str, ...] = ()

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
    """By index; empty without a driver."""
    return list(survey().gpus)


def driver_version() -> str:
    """Empty without a driver."""
    return glance().driver_version


def gpu_count() -> int:
    """How many GPUs one configuration can have on this host."""
    return glance().most_for_one


def gpu_fault() -> str:
    """Why NVML shows no GPU, or not all of them, and what to do; empty when nothing is wrong."""
    return "; ".join(survey().faults)


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
    with _last.lock:
        if _last.survey is None or time.monotonic() - _last.at > max_age_s:
            _last.survey = survey()
            _last.at = time.monotonic()
        return _last.survey


def survey() -> GpuSurvey:
    try:
        with nvml.started():
            return _survey()
    except pynvml.NVMLError as error:
        return GpuSurvey(faults=(nvml.fault_words(error),))


@dataclass(frozen=True)
class GpuReading:
    """What a GPU does now; None where it cannot tell."""

    utilisation_percent: int | None
    memory_used_bytes: int | None
    power_w: float | None


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
                    nvml.utilisation(handle), used_bytes, nvml.power_w(handle)
                )
    return readings


class _Last:
    """The latest survey of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.survey: GpuSurvey | None = None
        self.at = 0.0


_last = _Last()


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
        processes=_processes(handle),
        is_mig=is_mig,
        has_windows=bool(nvml.ask(pynvml.nvmlDeviceGetGraphicsRunningProcesses, handle)),
    )


def _processes(handle: Handle) -> tuple[GpuProcess, ...]:
    found = nvml.ask(pynvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
    return tuple(
        GpuProcess(process.pid, *_name_and_user(process.pid), process.usedGpuMemory)
        for process in found
    )


def _name_and_user(pid: int) -> tuple[str, str]:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return process.name(), process.username()
    except (psutil.Error, KeyError):  # of another namespace, or ended meanwhile
        return "", ""
