"""Calls are counted for all threads and processes together, and let in again as time goes by."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autotuner_site import rate_limits
from autotuner_site.rate_limits import LOOKED_AT, SLOTS, Rate, take

SLOW = Rate(calls=20, per_s=3600.0)
"""Nothing of it comes back while a test runs."""
PROGRAM = """
import sys
from pathlib import Path
from autotuner_site.rate_limits import Rate, take
print(sum(take("ada", Rate(20, 3600.0), Path(sys.argv[1])) == 0 for _ in range(15)))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rates"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000_000.0]
    monkeypatch.setattr("autotuner_site.rate_limits.time.time", lambda: now[0])
    return now


def test_so_many_at_once_and_then_at_that_pace(path: Path, clock: list[float]) -> None:
    rate = Rate(calls=3, per_s=60.0)
    assert [take("ada", rate, path) for _ in range(5)] == [0, 0, 0, 20, 20]
    clock[0] += 19.5
    assert take("ada", rate, path) == 1
    clock[0] += 0.6
    assert [take("ada", rate, path) for _ in range(2)] == [0, 20]
    clock[0] += 3600
    assert [take("ada", rate, path) for _ in range(4)] == [0, 0, 0, 20]


def test_each_has_a_bucket_of_its_own(path: Path) -> None:
    assert [take(key, Rate(1), path) > 0 for key in ("ada", "ada", "bob", "bob")] == [
        *(False, True),
        *(False, True),
    ]


def test_zero_is_without_a_limit(path: Path) -> None:
    assert not any(take("ada", Rate(0), path) for _ in range(100))
    assert not path.exists()


def test_threads_and_processes_count_together(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = sum(wait_s == 0 for wait_s in pool.map(lambda _: take("ada", SLOW, path), range(8)))
    programs = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, path], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    taken += sum(int(program.communicate()[0]) for program in programs)
    assert taken == SLOW.calls


def test_a_clock_that_was_set_back_locks_nobody_out(path: Path, clock: list[float]) -> None:
    while take("ada", SLOW, path) == 0:
        pass
    clock[0] -= 10**6
    assert take("ada", SLOW, path) <= SLOW.per_s / SLOW.calls


def test_however_many_come_the_file_stays_small(path: Path) -> None:
    for number in range(3 * SLOTS):
        take(f"from {number}", SLOW, path)
    assert path.stat().st_size <= SLOTS * 16


def test_a_newcomer_takes_the_slot_of_whoever_is_next_to_full(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "SLOTS", LOOKED_AT)
    while take("busy", SLOW, path) == 0:
        pass
    for number in range(100):
        take(f"once {number}", SLOW, path)
    assert take("busy", SLOW, path) > 0


def test_a_file_that_cannot_be_written_locks_nobody_out(tmp_path: Path) -> None:
    assert take("ada", Rate(1), tmp_path) == 0
    assert take("ada", Rate(1), tmp_path) == 0
