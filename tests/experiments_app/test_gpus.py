import os
import sys
import threading
import time
from collections.abc import Callable

import psutil
import pynvml
import pytest

from experiments_app import gpus
from experiments_app.gpus import GpuReading, find_gpus, gpu_count, read_gpus, survey
from experiments_app.nvml import kept_started
from tests.experiments_app.fake_nvml import GIB, FakeGpu, FakeNvml, install
from tests.waiting import wait_for

Install = Callable[[FakeNvml], FakeNvml]


@pytest.fixture(name="driver")
def fixture_driver(monkeypatch: pytest.MonkeyPatch) -> Install:
    return lambda nvml: install(monkeypatch, nvml)


def test_it_lists_gpus_with_what_they_do(driver: Install) -> None:
    nvml = driver(
        FakeNvml(
            FakeGpu("GPU-a-1"),
            FakeGpu("GPU-b-2", memory_used_bytes=30 * GIB, utilisation_percent=97, power_w=612.25),
        )
    )
    first, second = find_gpus()
    assert (first.uuid, first.index, first.name) == ("GPU-a-1", 0, "NVIDIA H100 80GB HBM3")
    assert (first.memory_total_bytes, first.used_by) == (80 * GIB, "")
    assert (second.index, second.utilisation_percent, second.power_w) == (1, 97, 612.25)
    assert gpus.driver_version() == "570.86.15"
    assert (gpu_count(), survey().faults, nvml.started) == (2, (), 0)


def test_it_names_the_process_on_a_gpu_and_its_user(driver: Install) -> None:
    driver(FakeNvml(FakeGpu("GPU-a", processes=[(os.getpid(), 3 * GIB)])))
    [gpu] = find_gpus()
    [process] = gpu.processes
    assert (process.pid, process.user, process.memory_bytes) == (
        os.getpid(),
        psutil.Process().username(),
        3 * GIB,
    )
    assert gpu.used_by == f"{process.name} (pid {os.getpid()}, user {psutil.Process().username()})"


def test_it_tells_of_a_process_that_cannot_be_seen_from_here(driver: Install) -> None:
    driver(
        FakeNvml(
            FakeGpu("GPU-a", processes=[(2**31 - 1, None)]),
            FakeGpu("GPU-b", memory_used_bytes=9 * GIB),
        )
    )
    named, unnamed = find_gpus()
    assert named.used_by == "a process (pid 2147483647)"
    assert unnamed.used_by == "a process that cannot be seen from here (9.0 GiB in use)"


def test_the_windows_of_a_desktop_keep_no_gpu_busy(driver: Install) -> None:
    driver(FakeNvml(FakeGpu("GPU-a", windows=[(1, GIB)], memory_used_bytes=2 * GIB)))
    assert find_gpus()[0].used_by == ""


def test_a_field_that_a_gpu_does_not_have_is_none(driver: Install) -> None:
    not_supported = pynvml.NVML_ERROR_NOT_SUPPORTED
    questions = ("GetUtilizationRates", "GetPowerUsage", "GetComputeRunningProcesses_v3")
    driver(FakeNvml(FakeGpu("GPU-a", errors=dict.fromkeys(questions, not_supported))))
    [gpu] = find_gpus()
    assert (gpu.utilisation_percent, gpu.power_w, gpu.processes) == (None, None, ())


def test_an_older_driver_tells_memory_in_the_older_way(driver: Install) -> None:
    mismatch = pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH
    driver(FakeNvml(FakeGpu("GPU-a", errors={"GetMemoryInfo_v2": mismatch})))
    assert find_gpus()[0].memory_used_bytes == 504 << 20


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "no NVIDIA driver here"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "modprobe nvidia"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "different versions, as after an update"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "rights of /dev/nvidia"),
        (pynvml.NVML_ERROR_UNKNOWN, "NVML says:"),
    ],
)
def test_a_driver_that_does_not_start_is_no_gpu_and_a_cause(
    driver: Install, code: int, words: str
) -> None:
    driver(FakeNvml(FakeGpu("GPU-a"), init_error=code))
    assert (find_gpus(), gpu_count(), gpus.driver_version()) == ([], 0, "")
    assert words in survey().faults[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the library's name is Linux's")
def test_a_library_that_cannot_be_loaded_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, driver: Install
) -> None:
    driver(FakeNvml())
    monkeypatch.setattr(pynvml, "nvmlLib", None)  # nothing is loaded yet: the real loader looks

    def no_library(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(pynvml, "CDLL", no_library)
    assert find_gpus() == []
    assert "libnvidia-ml.so.1 is missing" in survey().faults[0]


def test_a_lost_gpu_is_left_out_and_told(driver: Install) -> None:
    lost = {"GetHandleByIndex_v2": pynvml.NVML_ERROR_GPU_IS_LOST}
    driver(FakeNvml(FakeGpu("GPU-a", errors=lost), FakeGpu("GPU-b")))
    assert [(gpu.uuid, gpu.index) for gpu in find_gpus()] == [("GPU-b", 1)]
    assert survey().faults == ("GPU 0: has fallen off the bus: restart the machine",)


def test_slices_stand_for_a_gpu_in_mig_mode(driver: Install) -> None:
    slices = [FakeGpu("MIG-1", name="A100 MIG 1g.10gb"), FakeGpu("MIG-2", name="A100 MIG 2g.20gb")]
    driver(FakeNvml(FakeGpu("GPU-a", mig=True, slices=slices)))
    assert [(gpu.uuid, gpu.index, gpu.is_mig) for gpu in find_gpus()] == [
        ("MIG-1", 0, True),
        ("MIG-2", 0, True),
    ]
    assert gpu_count() == 1  # a program sees one slice at a time


def test_a_gpu_in_mig_mode_without_a_slice_is_told(driver: Install) -> None:
    driver(FakeNvml(FakeGpu("GPU-a", mig=True), FakeGpu("GPU-b")))
    assert [gpu.uuid for gpu in find_gpus()] == ["GPU-b"]
    assert "MIG is on and it has no slice" in survey().faults[0]


def test_a_glance_asks_the_driver_once(driver: Install) -> None:
    nvml = driver(FakeNvml(FakeGpu("GPU-a")))
    assert [gpu_count(), gpu_count(), len(gpus.glance().gpus)] == [1, 1, 1]
    assert nvml.starts == 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "PAGE_WAIT_S", 0.1)
    monkeypatch.setattr(gpus, "MAX_WAIT_S", 0.2)


def end_of_hanging(nvml: FakeNvml) -> None:
    """No thread of this test goes on in the next one."""
    nvml.answers.set()
    wait_for(lambda: nvml.started == 0, timeout_s=5)


@pytest.mark.usefixtures("impatient")
def test_a_driver_that_hangs_is_a_fault_and_is_asked_once(driver: Install) -> None:
    nvml = driver(FakeNvml(FakeGpu("GPU-a")))
    nvml.answers.clear()
    began_at = time.monotonic()
    found = [gpus.survey(), *(gpus.glance() for _ in range(20))]
    assert time.monotonic() - began_at < 2
    assert {(survey.hangs, survey.gpus) for survey in found} == {(True, ())}
    assert (find_gpus(), survey().faults) == ([], (gpus.NO_ANSWER,))
    assert nvml.starts == 1

    nvml.answers.set()
    wait_for(lambda: gpu_count() == 1, timeout_s=5)
    assert (survey().faults, nvml.started) == ((), 0)


@pytest.mark.usefixtures("impatient")
def test_what_was_seen_before_is_shown_while_the_driver_hangs(driver: Install) -> None:
    nvml = driver(FakeNvml(FakeGpu("GPU-a")))
    assert gpu_count() == 1
    nvml.answers.clear()
    found = gpus.glance(max_age_s=0)
    assert ([gpu.uuid for gpu in found.gpus], found.faults) == (["GPU-a"], (gpus.NO_ANSWER,))
    assert find_gpus() == []  # none is given away on what was seen before
    end_of_hanging(nvml)


def test_a_glance_is_content_with_what_took_long_to_see(
    driver: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = driver(FakeNvml(FakeGpu("GPU-a")))

    def slow() -> gpus.GpuSurvey:
        time.sleep(0.6)
        return gpus.GpuSurvey()

    monkeypatch.setattr(gpus, "_survey", slow)
    assert [gpus.glance(0.5).hangs, gpus.glance(0.5).hangs] == [False, False]
    assert nvml.starts == 1


def test_many_who_ask_at_once_share_the_answers(driver: Install) -> None:
    nvml = driver(FakeNvml(FakeGpu("GPU-a")))
    nvml.answers.clear()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(find_gpus()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    nvml.answers.set()
    for thread in threads:
        thread.join()
    assert (found, nvml.started) == ([1] * 8, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked on POSIX alone")
@pytest.mark.usefixtures("impatient")
def test_a_forked_worker_does_not_wait_for_the_answer_to_its_parent(driver: Install) -> None:
    nvml = driver(FakeNvml(FakeGpu("GPU-a")))
    nvml.answers.clear()
    assert gpus.survey().hangs
    pid = os.fork()
    if pid == 0:
        nvml.answers.set()
        os._exit(gpu_count())
    _, status = os.waitpid(pid, 0)
    end_of_hanging(nvml)
    assert os.waitstatus_to_exitcode(status) == 1


def test_a_fault_of_ours_is_told_to_who_waits(
    driver: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(FakeNvml(FakeGpu("GPU-a")))

    def broken() -> None:
        raise KeyError("gone")

    monkeypatch.setattr(gpus, "_survey", broken)
    assert survey().faults == ("a fault of this program: KeyError: 'gone'",)


def test_reading_leaves_out_what_cannot_be_read(driver: Install) -> None:
    lost = pynvml.NVML_ERROR_GPU_IS_LOST
    questions = ("GetUtilizationRates", "GetMemoryInfo_v2", "GetPowerUsage")
    driver(
        FakeNvml(
            FakeGpu("GPU-a", utilisation_percent=88, power_w=300),
            FakeGpu("GPU-b", errors=dict.fromkeys(questions, lost)),
        )
    )
    assert read_gpus(["GPU-a", "GPU-b", "GPU-gone"]) == {
        "GPU-a": GpuReading(88, 4 << 20, 300.0),
        "GPU-b": GpuReading(None, None, None),
    }


def test_nvml_stays_started_for_who_asks_often(driver: Install) -> None:
    nvml = driver(FakeNvml(FakeGpu("GPU-a")))
    with kept_started():
        read_gpus(["GPU-a"])
        assert nvml.started == 1
    assert nvml.started == 0
