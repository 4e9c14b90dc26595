"""Who computes on a GPU."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil
import pynvml

from experiments_app import nvml
from experiments_app.nvml import Handle


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


def processes_on(uuids: Iterable[str]) -> list[GpuProcess]:
    """Those on a few GPUs; of GPUs that do not answer none."""
    found: list[GpuProcess] = []
    with suppress(pynvml.NVMLError), nvml.started():
        for uuid in uuids:
            handle = nvml.ask(pynvml.nvmlDeviceGetHandleByUUID, uuid)
            if handle is not None:
                found += processes_of(handle)
    return found


def processes_of(handle: Handle) -> tuple[GpuProcess, ...]:
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
