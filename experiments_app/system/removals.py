"""Removals that may take minutes, as that of an image of 30 GiB: nobody's page waits for their end.

What is under way is known in this process alone, which is the one that serves the pages.
"""

import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

LIMIT_S = 600
"""For each call of the Docker engine, which answers when it is done."""
WAIT_S = 8.0
"""A page gives up after 15 s (`defaultTimeout` in base.html), and has asked the engine before."""

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_under_way: dict[str, "Future[None]"] = {}


def is_under_way(key: str) -> bool:
    return key in _under_way


def remove(key: str, action: Callable[[], None]) -> bool:
    """Begin `action`, unless it is under way already; whether it is done after a moment.

    Raises what it raises in that moment; what it raises later is logged.
    """
    with _lock:
        if key in _under_way:
            return False
        future = _under_way[key] = Future()
    threading.Thread(target=_run, args=(key, action, future), name="removal", daemon=True).start()
    wait([future], timeout=WAIT_S)
    if not future.done():
        future.add_done_callback(functools.partial(_log, key))
        return False
    future.result()
    return True


def _run(key: str, action: Callable[[], None], future: "Future[None]") -> None:
    fault: Exception | None = None
    try:
        action()
    except Exception as error:  # noqa: BLE001  whoever waits for it gets it
        fault = error
    with _lock:
        del _under_way[key]
    if fault:
        future.set_exception(fault)
    else:
        future.set_result(None)


def _log(key: str, future: "Future[None]") -> None:
    if fault := future.exception():
        logger.error("%s could not be removed: %s", key, fault)
    else:
        logger.info("%s is removed", key)
