"""A fake of NVIDIA's driver library, for machines without a GPU.

It stands where pynvml keeps the loaded `libnvidia-ml.so.1`, so that pynvml itself, with its
structs, constants, error codes and versions, is the real one: only what C would do is played.
It can show faults (a lost GPU, a driver that is not loaded) that no real machine shows on demand.
"""

import ctypes
import threading
from dataclasses import dataclass, field
from typing import Any

import pynvml
import pytest

from experiments_app import gpus

GIB = 1 << 30
HANG_S = 30.0  # so that a test that fails ends


@dataclass
class FakeGpu:
    """`errors` maps the name of a C function, without nvmlDevice, to the code that it returns."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    memory_total_bytes: int = 80 * GIB
    memory_used_bytes: int = 4 << 20
    utilisation_percent: int = 0
    power_w: float = 71.5
    power_limit_w: float = 700.0
    energy_j: float | None = None
    processes: list[tuple[int, int | None]] = field(default_factory=list)
    windows: list[tuple[int, int | None]] = field(default_factory=list)
    mig: bool = False
    slices: list["FakeGpu"] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)


class FakeNvml:
    """The C functions that we call, by their names; `init_error` is what nvmlInit returns.

    While `answers` is cleared, whoever asks a question hangs, as with a wedged driver.
    """

    def __init__(self, *devices: FakeGpu, driver: str = "570.86.15", init_error: int = 0) -> None:
        self.devices = list(devices)
        self.driver = driver
        self.init_error = init_error
        self.answers = threading.Event()
        self.answers.set()
        self.started = 0
        self.starts = 0
        self._by_address: dict[int, FakeGpu] = {}
        self._handles: list[Any] = []

    def nvmlInitWithFlags(self, flags: int) -> int:  # noqa: N802
        if not self.init_error:
            self.started += 1
            self.starts += 1
        return self.init_error

    def nvmlShutdown(self) -> int:  # noqa: N802
        self.started -= 1
        return 0

    def nvmlErrorString(self, code: int) -> bytes:  # noqa: N802
        return f"fault {code}".encode()

    def nvmlSystemGetDriverVersion(self, text: Any, length: Any) -> int:  # noqa: N802
        text.value = self.driver.encode()
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        self.answers.wait(HANG_S)
        count._obj.value = len(self.devices)
        return 0 if self.started else int(pynvml.NVML_ERROR_UNINITIALIZED)

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:  # noqa: N802
        return self._hand_out(self.devices[index.value], handle)

    def nvmlDeviceGetHandleByUUID(self, uuid: Any, handle: Any) -> int:  # noqa: N802
        every = [*self.devices, *(part for device in self.devices for part in device.slices)]
        for device in every:
            if device.uuid.encode() == uuid.value:
                return self._hand_out(device, handle)
        return int(pynvml.NVML_ERROR_NOT_FOUND)

    def nvmlDeviceGetMigDeviceHandleByIndex(  # noqa: N802
        self, parent: Any, slot: Any, handle: Any
    ) -> int:
        slices = self._find(parent).slices
        if slot.value >= len(slices):
            return int(pynvml.NVML_ERROR_NOT_FOUND)
        return self._hand_out(slices[slot.value], handle)

    def __getattr__(self, name: str) -> Any:
        """The questions to one device; the other functions of the library are not there."""
        question = name.removeprefix("nvmlDevice")
        answer = getattr(self, f"_{question}", None) if name != question else None
        if answer is None:
            raise AttributeError(name)

        def ask(handle: Any, *arguments: Any) -> int:
            self.answers.wait(HANG_S)
            device = self._find(handle)
            if code := device.errors.get(question):
                return code
            return int(answer(device, *arguments) or 0)

        return ask

    def _GetUUID(self, device: FakeGpu, text: Any, length: Any) -> None:  # noqa: N802
        text.value = device.uuid.encode()

    def _GetName(self, device: FakeGpu, text: Any, length: Any) -> None:  # noqa: N802
        text.value = device.name.encode()

    def _GetMemoryInfo_v2(self, device: FakeGpu, memory: Any) -> None:  # noqa: N802
        memory._obj.total = device.memory_total_bytes
        memory._obj.reserved = 500 << 20
        memory._obj.used = device.memory_used_bytes

    def _GetMemoryInfo(self, device: FakeGpu, memory: Any) -> None:  # noqa: N802
        memory._obj.total = device.memory_total_bytes
        memory._obj.used = device.memory_used_bytes + (500 << 20)

    def _GetUtilizationRates(self, device: FakeGpu, rates: Any) -> None:  # noqa: N802
        rates._obj.gpu = device.utilisation_percent

    def _GetPowerUsage(self, device: FakeGpu, milliwatts: Any) -> None:  # noqa: N802
        milliwatts._obj.value = round(device.power_w * 1000)

    def _GetEnforcedPowerLimit(self, device: FakeGpu, milliwatts: Any) -> None:  # noqa: N802
        milliwatts._obj.value = round(device.power_limit_w * 1000)

    def _GetTotalEnergyConsumption(self, device: FakeGpu, millijoules: Any) -> int:  # noqa: N802
        if device.energy_j is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        millijoules._obj.value = round(device.energy_j * 1000)
        return 0

    def _GetMigMode(self, device: FakeGpu, current: Any, pending: Any) -> None:  # noqa: N802
        current._obj.value = pending._obj.value = int(device.mig)

    def _GetMaxMigDeviceCount(self, device: FakeGpu, count: Any) -> None:  # noqa: N802
        count._obj.value = 7

    def _GetComputeRunningProcesses_v3(  # noqa: N802
        self, device: FakeGpu, count: Any, found: Any
    ) -> int:
        return _list(device.processes, count, found)

    def _GetGraphicsRunningProcesses_v3(  # noqa: N802
        self, device: FakeGpu, count: Any, found: Any
    ) -> int:
        return _list(device.windows, count, found)

    def _hand_out(self, device: FakeGpu, handle: Any) -> int:
        if code := device.errors.get("GetHandleByIndex_v2"):
            return code
        opaque = pynvml.struct_c_nvmlDevice_t()
        self._handles.append(opaque)  # its address stays its own
        self._by_address[ctypes.addressof(opaque)] = device
        handle._obj.contents = opaque
        return 0

    def _find(self, handle: Any) -> FakeGpu:
        return self._by_address[ctypes.addressof(handle.contents)]


def _list(processes: list[tuple[int, int | None]], count: Any, found: Any) -> int:
    """NVML is asked twice: for the number, then with room for so many and more."""
    room = count._obj.value
    count._obj.value = len(processes)
    if len(processes) > room:
        return int(pynvml.NVML_ERROR_INSUFFICIENT_SIZE)
    unknown = pynvml.NVML_VALUE_NOT_AVAILABLE_ulonglong.value
    for index, (pid, memory_bytes) in enumerate(processes):
        found[index].pid = pid
        found[index].usedGpuMemory = unknown if memory_bytes is None else memory_bytes
    return 0


def install(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml) -> FakeNvml:
    """Let pynvml find this library loaded, and nothing remembered of another."""
    monkeypatch.setattr(pynvml, "nvmlLib", nvml)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(gpus, "_last", gpus._Last())
    return nvml


def install_gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> FakeNvml:
    """So many idle GPUs, `GPU-0` and on."""
    return install(monkeypatch, FakeNvml(*(FakeGpu(f"GPU-{n}") for n in range(count))))
