import threading
from collections.abc import Iterator

import pytest

from experiments_app.system import removals
from tests.waiting import wait_for

KEY = "image sha256:1"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A removal goes on until this is set, and no page waits so long."""
    monkeypatch.setattr(removals, "WAIT_S", 0.05)
    event = threading.Event()
    yield event
    event.set()
    wait_for(lambda: not removals.is_under_way(KEY), timeout_s=5)


def test_what_is_done_soon_is_told(slow: threading.Event) -> None:
    slow.set()
    assert removals.remove(KEY, lambda: None)
    assert not removals.is_under_way(KEY)


def test_a_refusal_is_raised() -> None:
    def refuse() -> None:
        raise TimeoutError("refused")

    with pytest.raises(TimeoutError, match="refused"):
        removals.remove(KEY, refuse)
    assert not removals.is_under_way(KEY)


def test_what_takes_longer_goes_on_by_itself(slow: threading.Event) -> None:
    ended = threading.Event()

    def action() -> None:
        slow.wait(5)
        ended.set()

    assert not removals.remove(KEY, action)
    assert removals.is_under_way(KEY)
    slow.set()
    assert ended.wait(5)
    wait_for(lambda: not removals.is_under_way(KEY), timeout_s=5)


def test_it_is_not_begun_twice(slow: threading.Event) -> None:
    begun = []

    def action() -> None:
        begun.append(1)
        slow.wait(5)

    assert not removals.remove(KEY, action)
    assert not removals.remove(KEY, action)
    assert begun == [1]


def test_a_fault_that_comes_later_is_logged(
    slow: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        slow.wait(5)
        raise OSError("the disk is gone")

    assert not removals.remove(KEY, fail)
    slow.set()
    wait_for(lambda: f"{KEY} could not be removed: the disk is gone" in caplog.text, timeout_s=5)
