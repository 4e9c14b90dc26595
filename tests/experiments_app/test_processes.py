import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from experiments_app.processes import (
    ProcessIdentity,
    experiment_processes,
    find_marked,
    group_members,
    kill_marked,
    marker_matches,
    physical_core_count,
    stop_group,
)

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
IGNORE_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
WITH_CHILD = (
    "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);" + SLEEP
)


class Spawner:
    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.marker = f"test-{os.getpid()}-{time.monotonic_ns()}"

    def __call__(self, code: str, marker: str = "") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "AUTOTUNER_EXPERIMENT": marker or self.marker},
        )
        assert process.stdout is not None
        process.stdout.readline()  # its signal handlers are in place
        self.processes.append(process)
        return process


@pytest.fixture
def spawn() -> Iterator[Spawner]:
    spawner = Spawner()
    yield spawner
    kill_marked(spawner.marker)
    for process in spawner.processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_it_tells_a_live_process_from_a_dead_one(spawn: Spawner) -> None:
    process = spawn(SLEEP)
    identity = ProcessIdentity.of(process.pid)
    assert identity.is_alive()
    process.kill()
    while identity.is_alive():  # a zombie until it is waited for, and no longer alive
        time.sleep(0.01)
    process.wait()
    assert not identity.is_alive()


def test_it_does_not_take_a_later_process_for_the_one_it_knew(spawn: Spawner) -> None:
    identity = ProcessIdentity.of(spawn(SLEEP).pid)
    assert not ProcessIdentity(identity.pid, identity.create_time - 100).is_alive()


def test_it_refuses_an_identity_of_nobody() -> None:
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(2**22 + 1)


def test_it_stops_a_whole_group_gently(spawn: Spawner) -> None:
    process = spawn(WITH_CHILD)
    assert len(group_members(process.pid)) == 2
    assert stop_group(process.pid, grace_s=5) == []
    assert group_members(process.pid) == []
    assert process.wait() == -signal.SIGTERM


def test_it_kills_what_ignores_the_gentle_stop(spawn: Spawner) -> None:
    process = spawn(IGNORE_SIGTERM)
    started_at_s = time.monotonic()
    assert stop_group(process.pid, grace_s=0.3) == []
    assert time.monotonic() - started_at_s >= 0.3
    assert process.wait() == -signal.SIGKILL


def test_it_stops_nothing_where_there_is_no_group(spawn: Spawner) -> None:
    process = spawn(SLEEP)
    process.kill()
    process.wait()
    assert stop_group(process.pid, grace_s=5) == []


@pytest.mark.parametrize("pgid", [0, 1, os.getpgrp()])
def test_it_refuses_to_end_a_group_that_is_not_a_childs(pgid: int) -> None:
    with pytest.raises(ValueError, match="refusing"):
        stop_group(pgid, grace_s=0)


def test_it_finds_and_kills_what_carries_a_marker(spawn: Spawner) -> None:
    process = spawn(WITH_CHILD)
    bystander = spawn(SLEEP, marker="other-site/1")
    assert len(find_marked(spawn.marker)) == 2
    ended = kill_marked(spawn.marker)
    assert process.pid in {marked.identity.pid for marked in ended}
    assert {marked.marker for marked in ended} == {spawn.marker}
    assert find_marked(spawn.marker) == []
    assert bystander.poll() is None


@pytest.mark.parametrize(
    ("marker", "prefix", "expected"),
    [
        ("site/1", "site/1", True),
        ("site/1/bench", "site/1", True),
        ("site/12", "site/1", False),
        ("site/12", "site", True),
        ("site/12", "site/", True),
        ("sites/1", "site", False),
        ("site", "", False),
        ("", "site", False),
    ],
)
def test_it_matches_markers_by_whole_segments(marker: str, prefix: str, expected: bool) -> None:
    assert marker_matches(marker, prefix) is expected


def test_it_counts_a_child_that_left_the_group(spawn: Spawner) -> None:
    runaway = WITH_CHILD.replace("600)'])", "600)'], start_new_session=True, env={})")
    process = spawn(runaway)
    found = experiment_processes(process.pid, spawn.marker)
    assert len(found) == 2
    for identity in found:
        os.kill(identity.pid, signal.SIGKILL)


def test_it_counts_the_physical_cores() -> None:
    assert 1 <= physical_core_count() <= (os.cpu_count() or 1)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_it_ends_a_process_with_its_parent() -> None:
    child = (
        "from experiments_app.processes import die_with_parent; import time;"
        "assert die_with_parent(); print('up', flush=True); time.sleep(600)"
    )
    parent = (
        "import subprocess, sys, os, signal;"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE);"
        "p.stdout.readline(); print(p.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE, check=False)
    pid = int(done.stdout)
    deadline_s = time.monotonic() + 60
    while _is_running(pid) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        return ProcessIdentity.of(pid).is_alive()
    except ProcessLookupError:
        return False
