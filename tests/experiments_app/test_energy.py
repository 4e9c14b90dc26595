"""What devices take of energy, from the counters and readings that they have."""

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments_app.energy import CpuCounter, GpuCounter, counter_for, joules_between
from tests.experiments_app.fake_nvml import FakeGpu, FakeNvml, install


def clock(*times: float) -> Callable[[], float]:
    left = iter(times)
    return lambda: next(left)


def test_gpus_that_count_joules_are_taken_at_their_word(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = FakeGpu("GPU-1", energy_j=1000.0), FakeGpu("GPU-2", energy_j=50.0)
    install(monkeypatch, FakeNvml(one, two))
    counter = GpuCounter(["GPU-1", "GPU-2"])
    assert counter() == pytest.approx(1050)
    one.energy_j = 1300.0
    assert counter() == pytest.approx(1350)


def test_the_power_of_gpus_that_do_not_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = FakeGpu("GPU-1", power_w=100.0)
    install(monkeypatch, FakeNvml(gpu))
    counter = GpuCounter(["GPU-1"], clock(10.0, 12.0, 13.0))
    assert counter() == 0
    gpu.power_w = 300.0
    assert counter() == pytest.approx(400)
    assert counter() == pytest.approx(700)


@pytest.mark.parametrize("question", ["GetPowerUsage", "GetUUID"])
def test_gpus_that_tell_nothing_have_no_energy(
    monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    install(monkeypatch, FakeNvml(FakeGpu("GPU-1", errors={"GetPowerUsage": 3})))
    uuid = "GPU-1" if question == "GetPowerUsage" else "GPU-9"
    assert counter_for([uuid])() is None


def package(folder: Path, name: str, zone: str, microjoules: int) -> Path:
    made = folder / name
    made.mkdir()
    (made / "name").write_text(f"{zone}\n")
    (made / "energy_uj").write_text(f"{microjoules}\n")
    (made / "max_energy_range_uj").write_text("10000000\n")
    return made


def test_the_packages_of_a_cpu_are_added_up_and_begin_anew(tmp_path: Path) -> None:
    first = package(tmp_path, "intel-rapl:0", "package-0", 9_000_000)
    package(tmp_path, "intel-rapl:1", "package-1", 1_000_000)
    package(tmp_path, "intel-rapl:0:0", "core", 5_000_000)
    package(tmp_path, "intel-rapl:2", "psys", 5_000_000)
    counter = CpuCounter(tmp_path)
    assert counter() == 0
    (first / "energy_uj").write_text("9500000")
    assert counter() == pytest.approx(0.5)
    (first / "energy_uj").write_text("500000")  # over its end
    assert counter() == pytest.approx(1.5)


def test_a_machine_without_such_a_counter_tells_nothing(tmp_path: Path) -> None:
    assert CpuCounter(tmp_path)() is None
    made = package(tmp_path, "intel-rapl:0", "package-0", 1)
    (made / "energy_uj").unlink()  # as where it may not be read
    assert CpuCounter(tmp_path)() is None


READINGS = [(0.0, 0.0), (1.0, 100.0), (2.0, 300.0), (3.0, 400.0)]


@pytest.mark.parametrize(
    ("began", "ended", "joules"),
    [
        (0.0, 3.0, 400),
        (0.5, 2.5, 300),
        (-2.0, 1.0, None),  # not read from its start
        (1.0, 5.0, None),
        (2.0, 2.0, None),
    ],
)
def test_energy_is_read_between_two_times(began: float, ended: float, joules: float | None) -> None:
    assert joules_between(READINGS, began, ended) == joules


def test_without_two_readings_there_is_none() -> None:
    assert joules_between(READINGS[:1], 0.0, 0.1) is None
