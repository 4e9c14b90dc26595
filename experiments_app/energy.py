"""What devices take of energy while a load level is measured.

GPUs tell it by NVML: a counter of joules (Volta and later), or their power, which is added up over
the time. A machine's CPUs tell it by RAPL, in /sys/class/powercap where that may be read: whole
packages, with all that runs on them, without the memory beside them.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from experiments_app import nvml
from experiments_app.gpus import read_gpus
from experiments_app.sampling import SamplingThread

logger = logging.getLogger(__name__)

INTERVAL_S = 0.2
POWERCAP = Path("/sys/class/powercap")
MICRO = 1e-6

Counter = Callable[[], float | None]
"""Joules so far, from wherever it counts; None where that cannot be told."""


class GpuCounter:
    """All of some GPUs. Power is taken to have changed evenly between two readings."""

    def __init__(self, uuids: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._uuids = tuple(uuids)
        self._clock = clock
        self._joules = dict.fromkeys(self._uuids, 0.0)
        self._last: dict[str, tuple[float, float]] = {}

    def __call__(self) -> float | None:
        readings = read_gpus(self._uuids)
        now = self._clock()
        for uuid in self._uuids:
            reading = readings.get(uuid)
            if reading is None:
                return None
            if reading.energy_j is not None:
                self._joules[uuid] = reading.energy_j
            elif reading.power_w is not None:
                before_s, before_w = self._last.get(uuid, (now, reading.power_w))
                self._joules[uuid] += (before_w + reading.power_w) / 2 * (now - before_s)
                self._last[uuid] = now, reading.power_w
            else:
                return None
        return sum(self._joules.values())


class CpuCounter:
    """All CPU packages of this machine. A package's counter begins anew at its highest value."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._packages = _packages(folder)
        ends = ((package, package / "max_energy_range_uj") for package in self._packages)
        self._ranges = {package: _microjoules(end) or 0 for package, end in ends}
        self._last: dict[Path, int] = {}
        self._microjoules = 0

    def __call__(self) -> float | None:
        found = {package: _microjoules(package / "energy_uj") for package in self._packages}
        if not found:
            return None
        for package, value in found.items():
            if value is None:
                return None
            step = value - self._last.get(package, value)
            self._microjoules += step if step >= 0 else step + self._ranges[package]
            self._last[package] = value
        return self._microjoules * MICRO


def counter_for(gpu_ids: Sequence[str]) -> Counter:
    """The energy of what an experiment is measured on: its GPUs, or this machine's CPUs."""
    return GpuCounter(gpu_ids) if gpu_ids else CpuCounter()


class EnergyMeter(SamplingThread):
    """Reads a counter in a thread, from `with` to its end; nothing that goes wrong leaves it."""

    def __init__(self, counter: Counter, interval_s: float = INTERVAL_S) -> None:
        self._counter = counter
        self._interval_s = interval_s
        self._readings: list[tuple[float, float]] = []
        super().__init__("energy")

    def joules(self, began_at: float, ended_at: float) -> float | None:
        """Taken between two times of the monotonic clock; None where it was not read throughout."""
        return joules_between(list(self._readings), began_at, ended_at)

    def _run(self) -> None:
        try:
            with nvml.kept_started():
                while not self._stop.is_set():
                    joules = self._counter()
                    if joules is None:
                        if not self._readings:
                            return  # this machine does not tell
                        self._readings.clear()  # a gap: what was read before says nothing any more
                    else:
                        self._readings.append((time.monotonic(), joules))
                    self._stop.wait(self._interval_s)
        except Exception:  # a bug here must not cost a measurement
            logger.exception("energy is not measured any more")


def joules_between(
    readings: Sequence[tuple[float, float]], began_at: float, ended_at: float
) -> float | None:
    """From (time, joules so far), evenly between two readings; None where they do not cover it."""
    if len(readings) < 2 or ended_at <= began_at:
        return None
    times, joules = (np.array(column) for column in zip(*readings, strict=True))
    slack_s = 2 * INTERVAL_S
    if times[0] > began_at + slack_s or times[-1] < ended_at - slack_s:
        return None
    began, ended = np.interp([began_at, ended_at], times, joules)
    return float(ended - began)


def _packages(folder: Path) -> list[Path]:
    """RAPL's top zones: `intel-rapl:0` is a package (AMD's too), `intel-rapl:0:1` a part of it."""
    try:
        zones = sorted(folder.glob("intel-rapl:*"))
    except OSError:
        return []
    whole = [zone for zone in zones if zone.name.count(":") == 1]
    return [zone for zone in whole if _name(zone).startswith("package")]


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text().strip()
    except OSError:
        return ""


def _microjoules(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
