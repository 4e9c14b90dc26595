"""What of this machine's load is ours: real processes, and NVML's made-up answers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from experiments_app.host_load import HostReader
from tests.experiments_app.fake_nvml import FakeGpu, FakeNvml, install
from tests.waiting import wait_for

BUSY = "import os, sys; print(os.getpid(), flush=True)\nwhile True: pass"


@contextmanager
def busy(*, foreign: bool) -> Iterator[psutil.Process]:
    """A process that keeps a core busy: a child of ours, or one that lost its parent."""
    command = [sys.executable, "-c", BUSY]
    if foreign:
        command = ["sh", "-c", 'setsid "$@" &', "sh", *command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = psutil.Process(int(process.stdout.readline()))
        try:
            if foreign:
                wait_for(lambda: process.poll() is not None, timeout_s=30)
            yield found
        finally:
            os.kill(found.pid, signal.SIGKILL)


def used_s(process: psutil.Process) -> float:
    return process.cpu_times().user


@pytest.mark.parametrize("foreign", [True, False])
def test_it_tells_our_processes_from_others(foreign: bool) -> None:
    with busy(foreign=foreign) as process:
        read = HostReader()
        first, from_s = read(), used_s(process)
        wait_for(lambda: used_s(process) > from_s + 0.3, timeout_s=60)
        last = read()
    assert first is not None
    assert last is not None
    ours_s = last.ours_s - first.ours_s
    assert last.busy_s - first.busy_s > 0.2
    assert (ours_s < 0.3) if foreign else (ours_s >= 0.3)


def test_a_container_counts_as_ours() -> None:
    used = iter([5.0, 7.0])
    read = HostReader(container_cpu_s=lambda: next(used))
    first, last = read(), read()
    assert first is not None
    assert last is not None
    assert last.ours_s - first.ours_s >= 2.0


def test_it_has_no_reading_while_the_containers_use_is_unknown() -> None:
    assert HostReader(container_cpu_s=lambda: None)() is None


def test_who_turns_up_on_a_gpu_meanwhile_is_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, stranger = 2_000_001, 2_000_002
    gpu = FakeGpu(uuid="GPU-a", processes=[(engine, 1 << 30)])
    install(monkeypatch, FakeNvml(gpu))
    read = HostReader(gpu_ids=["GPU-a"])
    first = read()
    gpu.processes.append((os.getpid(), 1 << 20))  # ours
    second = read()
    gpu.processes.append((stranger, 1 << 30))
    third = read()
    assert first is not None
    assert second is not None
    assert third is not None
    assert not first.gpu_strangers | second.gpu_strangers
    assert third.gpu_strangers == {f"a process (pid {stranger})"}
