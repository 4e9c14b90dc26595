import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from experiments_app.processes import ProcessIdentity
from experiments_app.usage import FILE, ProcessUsage, UsageSampler, gpu_usage
from experiments_app.usage_file import Summary, Usage, read_usage
from tests import waiting
from tests.experiments_app.fake_nvml import FakeGpu, FakeNvml, install

FAST_S = 0.02


def wait_for(condition: Callable[[], object]) -> None:
    waiting.wait_for(condition, timeout_s=60, interval_s=FAST_S)


def samples_in(folder: Path) -> int:
    return len(read_usage(folder).elapsed_s)


@pytest.fixture
def busy_process() -> Iterator[ProcessIdentity]:
    """A real process that keeps a core busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        yield ProcessIdentity.of(process.pid)
        process.kill()


def test_it_writes_a_line_for_every_sample_with_its_phase(tmp_path: Path) -> None:
    with UsageSampler(tmp_path, [lambda: {"cpu_cores": 1.5}], FAST_S) as usage:
        wait_for(lambda: samples_in(tmp_path) >= 2)
        usage.enter("measuring")
        wait_for(lambda: read_usage(tmp_path).summary("cpu_cores") is not None)
    found = read_usage(tmp_path)
    assert found.phases[0] == "starting"
    assert found.phases[-1] == "measuring"
    assert set(found.columns["cpu_cores"]) == {1.5}
    assert (tmp_path / FILE).read_text().startswith("elapsed_s,phase,cpu_cores\n0.00,starting,1.5")


def test_it_samples_the_processes_of_a_server(
    tmp_path: Path, busy_process: ProcessIdentity
) -> None:
    with UsageSampler(tmp_path, [ProcessUsage(lambda: [busy_process])], 0.2) as usage:
        usage.enter("measuring")
        wait_for(lambda: samples_in(tmp_path) >= 5)
    found = read_usage(tmp_path)
    cores, memory = found.summary("cpu_cores"), found.summary("memory_bytes")
    assert cores is not None
    assert memory is not None
    assert 0.2 < cores.highest < 1.3
    assert 1 << 20 < memory.mean < 1 << 30


def test_a_process_that_ended_is_no_usage() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        identity = ProcessIdentity.of(process.pid)
    assert ProcessUsage(lambda: [identity])() == {}


def test_it_samples_gpus_and_starts_nvml_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = FakeGpu("GPU-a", memory_used_bytes=5 << 30, utilisation_percent=93, power_w=412.5)
    nvml = install(monkeypatch, FakeNvml(gpu))
    with UsageSampler(tmp_path, [lambda: gpu_usage(["GPU-a"])], FAST_S):
        wait_for(lambda: samples_in(tmp_path) >= 2)
        assert nvml.started >= 1
    wait_for(lambda: nvml.started == 0)
    columns = read_usage(tmp_path).columns
    assert columns["gpu_percent:GPU-a"][0] == 93
    assert columns["gpu_memory_bytes:GPU-a"][0] == 5 << 30
    assert columns["gpu_power_w:GPU-a"][0] == 412.5


def test_a_source_that_vanishes_leaves_empty_cells(tmp_path: Path) -> None:
    gone = threading.Event()

    def container() -> Mapping[str, float]:
        if gone.is_set():
            raise ConnectionError("no such container")
        return {"memory_bytes": 1.0}

    with UsageSampler(tmp_path, [container, lambda: {"cpu_cores": 2.0}], FAST_S):
        wait_for(lambda: samples_in(tmp_path) >= 2)
        gone.set()
        before = samples_in(tmp_path)
        wait_for(lambda: samples_in(tmp_path) >= before + 3)
    columns = read_usage(tmp_path).columns
    assert (columns["memory_bytes"][0], columns["memory_bytes"][-1]) == (1.0, None)
    assert columns["cpu_cores"][-1] == 2.0


def test_a_source_may_tell_more_later(tmp_path: Path) -> None:
    calls = iter(range(1000))

    def source() -> Mapping[str, float]:
        return {"memory_bytes": 1.0} | ({"cpu_cores": 0.5} if next(calls) else {})

    with UsageSampler(tmp_path, [source], FAST_S):
        wait_for(lambda: samples_in(tmp_path) >= 3)
    assert read_usage(tmp_path).columns["cpu_cores"][:2] == (None, 0.5)


def test_a_source_that_hangs_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments_app.sampling.MAX_WAIT_S", 0.2)
    release = threading.Event()
    began_at = time.monotonic()
    with UsageSampler(tmp_path, [lambda: {"cpu_cores": float(release.wait(30))}], FAST_S):
        pass
    assert time.monotonic() - began_at < 2
    release.set()


def test_a_driver_that_hangs_does_not_hold_up_the_end_of_an_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments_app.sampling.MAX_WAIT_S", 0.2)
    nvml = install(monkeypatch, FakeNvml(FakeGpu("GPU-a")))
    nvml.answers.clear()
    began_at = time.monotonic()
    with UsageSampler(tmp_path, [lambda: gpu_usage(["GPU-a"])], FAST_S):
        wait_for(lambda: nvml.started == 2)  # kept started, and started to ask
    assert time.monotonic() - began_at < 2
    nvml.answers.set()
    wait_for(lambda: nvml.started == 0)


def test_a_folder_that_cannot_be_written_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with UsageSampler(tmp_path / "gone", [lambda: {"cpu_cores": 1.0}], FAST_S):
        wait_for(lambda: "cannot be written" in caplog.text)
        time.sleep(5 * FAST_S)
    assert caplog.text.count("cannot be written") == 1


def test_a_disk_that_was_full_for_a_while_costs_only_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The full disk is played: only half of each line finds room."""
    real_write, full = os.write, threading.Event()

    def write(descriptor: int, data: bytes) -> int:
        if not full.is_set():
            return real_write(descriptor, data)
        return real_write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr("experiments_app.usage.os.write", write)
    with UsageSampler(tmp_path, [lambda: {"cpu_cores": 1.0}], FAST_S):
        wait_for(lambda: samples_in(tmp_path) >= 2)
        full.set()
        time.sleep(5 * FAST_S)
        full.clear()
        before = samples_in(tmp_path)
        wait_for(lambda: samples_in(tmp_path) >= before + 3)
    assert set(read_usage(tmp_path).columns["cpu_cores"]) == {1.0}
    assert len((tmp_path / FILE).read_text().splitlines()) == samples_in(tmp_path) + 1


def test_nothing_was_sampled_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_usage(tmp_path) == Usage()


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        "elapsed_s,phase,cpu_cores\n0.00,measuring,1\n1.0,measu\nx,measuring,1\n"
        "2.0,measuring,nan\n3.00,measuring,3\n4.00,measuring,"
    )
    found = read_usage(tmp_path)
    assert found.elapsed_s == (0.0, 3.0)
    assert found.summary("cpu_cores") == Summary(mean=2.0, highest=3.0)


def long_usage(count: int) -> Usage:
    phases = tuple("starting" if n < count // 3 else "measuring" for n in range(count))
    return Usage(tuple(map(float, range(count))), phases, {"cpu_cores": tuple(range(count))})


@pytest.mark.parametrize("count", [10, 300, 301, 1000, 7200])
def test_a_long_measurement_is_thinned_to_what_can_be_seen(count: int) -> None:
    usage = long_usage(count)
    thin = usage.thinned(300)
    assert min(count, 100) <= len(thin.elapsed_s) <= 300
    assert len(thin.columns["cpu_cores"]) == len(thin.phases) == len(thin.elapsed_s)
    assert usage.measuring == (count // 3, count - 1)


def test_a_picture_that_is_followed_changes_now_and_then() -> None:
    lengths = [len(long_usage(count).settled().elapsed_s) for count in range(300, 1800)]
    assert len(set(lengths)) == 10 + 20
    assert long_usage(9).settled().elapsed_s == ()
