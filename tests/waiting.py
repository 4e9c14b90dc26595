import time
from collections.abc import Callable


def wait_for(
    condition: Callable[[], object], *, timeout_s: float, interval_s: float = 0.05
) -> None:
    """Until `condition` holds; an AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {timeout_s:g} s"
        time.sleep(interval_s)
