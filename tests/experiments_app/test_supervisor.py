import sys
import time

import pytest

from experiments_app import supervisor
from experiments_app.processes import group_members
from experiments_app.supervisor import Child
from tests.waiting import wait_for


def ended_child() -> Child:
    child = Child("a child", [sys.executable, "-c", ""])
    child.start()
    assert child.process is not None
    child.process.wait()
    return child


def delay_s(child: Child) -> float:
    """How long it waits before it starts the child again."""
    child.watch()
    assert child.process is None
    return child.start_not_before - time.monotonic()


def test_a_child_that_dies_at_once_is_started_later_and_later() -> None:
    child = ended_child()
    delays_s = []
    for _ in range(7):
        delays_s.append(round(delay_s(child), 1))
        child.start_not_before = 0.0
        child.watch()
        assert child.process is not None
        child.process.wait()
    assert delays_s == sorted(delays_s)
    assert delays_s[0] < 1
    assert delays_s[-1] == pytest.approx(supervisor.RESTART_DELAYS_S[-1], abs=1)


def test_a_child_that_ran_for_long_is_started_again_at_once() -> None:
    child = ended_child()
    child.restarts = 5
    child.started_at -= supervisor.STEADY_AFTER_S + 1
    assert delay_s(child) < 1


def test_a_dead_childs_group_is_ended_before_its_successor_starts() -> None:
    program = (
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    child = Child("a child", [sys.executable, "-c", program])
    child.start()
    assert child.process is not None
    group = child.process.pid
    child.process.wait()
    child.watch()
    wait_for(lambda: not group_members(group), timeout_s=60)
