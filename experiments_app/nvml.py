"""NVML, question by question: what a GPU, or a driver, may refuse is None.

The one place that knows which of NVML's functions answers what, and what its errors mean.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

import pynvml

T = TypeVar("T")
Handle = Any  # NVML's opaque pointer

_REMEDIES: Mapping[int, str] = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
        "there is no NVIDIA driver here (libnvidia-ml.so.1 is missing): install it, or in a"
        " container give it the driver's utility capability"
    ),
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "the NVIDIA driver is installed but not loaded: run `modprobe nvidia`, or restart the"
        " machine"
    ),
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "the loaded NVIDIA driver and its library are of different versions, as after an update:"
        " restart the machine"
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "this user may not use the NVIDIA devices: check the rights of /dev/nvidia*"
    ),
    pynvml.NVML_ERROR_GPU_IS_LOST: "has fallen off the bus: restart the machine",
    pynvml.NVML_ERROR_RESET_REQUIRED: "must be reset first (`nvidia-smi --gpu-reset`)",
    pynvml.NVML_ERROR_IRQ_ISSUE: "the kernel sees its interrupts fail: restart the machine",
    pynvml.NVML_ERROR_INSUFFICIENT_POWER: "lacks power: check its power cables",
}


@contextmanager
def started() -> Iterator[None]:
    """NVML, started; calls nest. Raises NVMLError."""
    pynvml.nvmlInit()
    try:
        yield
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def fault_words(error: pynvml.NVMLError) -> str:
    return _REMEDIES.get(error.value, f"NVML says: {error}")


@contextmanager
def kept_started() -> Iterator[None]:
    """For who asks again and again: each start may take seconds where the driver is not kept
    loaded. Without a driver nothing happens."""
    with ExitStack() as stack:
        with suppress(pynvml.NVMLError):
            stack.enter_context(started())
        yield


def mig_slices(handle: Handle) -> list[Handle]:
    """The MIG devices of a GPU; none where it does not have MIG, or has it off."""
    if not is_mig_parent(handle):
        return []
    count = ask(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0
    slots = (ask(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot) for slot in range(count))
    return [found for found in slots if found is not None]


def is_mig_parent(handle: Handle) -> bool:
    mode = ask(pynvml.nvmlDeviceGetMigMode, handle)
    return mode is not None and mode[0] == pynvml.NVML_DEVICE_MIG_ENABLE


def memory(handle: Handle) -> tuple[int, int]:
    """Total and used bytes, without what the driver keeps for itself where it tells them apart."""
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    except (
        pynvml.NVMLError_FunctionNotFound,
        pynvml.NVMLError_NotSupported,
        pynvml.NVMLError_ArgumentVersionMismatch,
    ):
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return int(memory.total), int(memory.used)


def utilisation(handle: Handle) -> int | None:
    rates = ask(pynvml.nvmlDeviceGetUtilizationRates, handle)
    return None if rates is None else int(rates.gpu)


def power_w(handle: Handle) -> float | None:
    milliwatts = ask(pynvml.nvmlDeviceGetPowerUsage, handle)
    return None if milliwatts is None else milliwatts / 1000


def power_limit_w(handle: Handle) -> float | None:
    """What the GPU is held to now."""
    milliwatts = ask(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    return None if milliwatts is None else milliwatts / 1000


def energy_j(handle: Handle) -> float | None:
    """Since the driver was loaded."""
    millijoules = ask(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle)
    return None if millijoules is None else millijoules / 1000


def ask(question: Callable[..., T], *arguments: object) -> T | None:
    """None where this GPU, or this driver, has no answer."""
    try:
        return question(*arguments)
    except (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError):
        return None
