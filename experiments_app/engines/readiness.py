"""Is a server ready: its health path answers 200 and it streams one real completion.

Health alone is not enough: some engines say they are healthy while their first request still
compiles kernels, or serve the model under another name than the benchmark will ask for.
"""

import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import Protocol, TypeVar, cast
from urllib.parse import urlsplit

from experiments_app.engines.base import EngineError, FailureKind, Launch
from experiments_app.engines.failure import SENTENCES

POLL_INTERVAL_S = 0.03
HEALTH_TIMEOUT_S = 5.0
HEALTH_BODY_BYTES = 64 * 1024
PROBE_TOKENS = 2
ANSWER_BYTES = 64 * 1024
CHECK_INTERVAL_S = 0.25


T = TypeVar("T")


class NotReady(Exception):
    """Not yet: worth asking again."""


class Refused(Exception):
    """It answers, and asking again will not change the answer."""


class Starting(Protocol):
    """A server that was started and is waited for."""

    def check_alive(self) -> None: ...

    def check_port_is_ours(self) -> None: ...

    def log_tail(self, lines: int = 20) -> str: ...


def wait_until_ready(
    server: Starting, launch: Launch, timeout_s: float, check: Callable[[], None]
) -> None:
    """Return when the server is healthy, is the one that was started, and completes a request.

    Raises as `RunningServer.wait_ready` says.
    """
    deadline_s = time.monotonic() + timeout_s
    state = f"nothing answered at {launch.health_path} yet"
    next_check_s = 0.0

    def watch() -> None:
        nonlocal next_check_s
        server.check_alive()
        if time.monotonic() >= next_check_s:  # it may ask a database
            check()
            next_check_s = time.monotonic() + CHECK_INTERVAL_S
        if time.monotonic() > deadline_s:
            raise EngineError(
                FailureKind.TIME_OUT,
                f"{SENTENCES[FailureKind.TIME_OUT]}: after {timeout_s:g} s {state}.",
                log_tail=server.log_tail(),
            )

    ask = partial(ask_health, launch.base_url, launch.health_path)
    complete = partial(
        stream_one_completion, launch.base_url, launch.served_model_name, timeout_s=timeout_s
    )
    while True:
        watch()
        try:
            run_watched(ask, watch)
            server.check_port_is_ours()
            state = "it is healthy but has not finished a streamed completion"
            run_watched(complete, watch)
        except NotReady as error:
            state = str(error)
            _sleep_watched(launch.ready_interval_s, watch)
        except Refused as error:
            raise EngineError(
                FailureKind.OTHER,
                f"The server is healthy but serves no completion: {error}",
                log_tail=server.log_tail(),
            ) from error
        else:
            server.check_alive()
            return


def _sleep_watched(seconds: float, watch: Callable[[], None]) -> None:
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(left_s, CHECK_INTERVAL_S))
        if left_s > CHECK_INTERVAL_S:
            watch()


def ask_health(base_url: str, health_path: str) -> None:
    """Return when the health path answers 200 now; raises `NotReady` with what it does instead."""
    try:
        with closing(_connect(base_url, HEALTH_TIMEOUT_S)) as connection:
            connection.request("GET", health_path)
            response = connection.getresponse()
            response.read(HEALTH_BODY_BYTES)  # cutting it off looks like a fault in some logs
            status = response.status
    except TimeoutError:
        raise NotReady(f"{health_path} took the request and did not answer it") from None
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"nothing answers at {health_path} ({_reason(error)})") from None
    if status != http.client.OK:
        raise NotReady(f"{health_path} answers HTTP {status}")


def stream_one_completion(base_url: str, model_name: str, *, timeout_s: float) -> None:
    """Ask for a few streamed tokens the way the benchmark does and read them to the end.

    `timeout_s` bounds each wait for bytes. Raises `NotReady` or `Refused`.
    """
    body = {
        "model": model_name,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": PROBE_TOKENS,
        "temperature": 0.0,
        "stream": True,
    }
    try:
        with closing(_connect(base_url, timeout_s)) as connection:
            headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            _read_stream(connection.getresponse())
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"a streamed completion broke off ({_reason(error)})") from error


def port_is_taken(host: str, port: int) -> bool:
    """Whether anybody listens on the port, on this address or on all of them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do it: a port whose last connections still linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    # Some systems let one address be bound beside a listener on all of them.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def run_watched(work: Callable[[], T], watch: Callable[[], None]) -> T:
    """Run blocking work in a thread while `watch` is called, which raises to give up.

    A thread that was given up ends by its own time-out, or when the server it talks to ends.
    """
    outcome: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((work(), None))
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.put((None, error))

    threading.Thread(target=run, name="readiness", daemon=True).start()
    while True:
        with suppress(queue.Empty):
            result, error = outcome.get(timeout=POLL_INTERVAL_S)
            if error is not None:
                raise error
            return cast(T, result)
        watch()


def _connect(base_url: str, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(base_url)
    return http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return text or type(error).__name__


def _read_stream(response: http.client.HTTPResponse) -> None:
    if response.status != http.client.OK:
        text = response.read(2000).decode("utf-8", errors="replace").strip()
        answer = f"HTTP {response.status} to a chat completion: {text}"
        if response.status in (http.client.SERVICE_UNAVAILABLE, http.client.TOO_MANY_REQUESTS):
            raise NotReady(answer)
        raise Refused(answer)
    chunks = 0
    for line in _lines(response):
        if not line.startswith(b"data:"):
            continue
        data = line[len(b"data:") :].strip()
        if data == b"[DONE]":
            break
        try:
            event = json.loads(data)
        except ValueError:
            raise Refused(f"a streamed event is not JSON: {data[:200]!r}") from None
        if "error" in event:
            raise Refused(f"an error in the stream: {json.dumps(event['error'])[:500]}")
        chunks += bool(event.get("choices"))
    if not chunks:
        raise Refused("HTTP 200 to a chat completion, but not one streamed token")


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """As iterating over the response does, which takes a chunked answer for whole where its server
    was killed in the middle. Raises `IncompleteRead` there."""
    pending = b""
    while data := response.read1(ANSWER_BYTES):
        *lines, pending = (pending + data).split(b"\n")
        yield from lines
    if pending:
        yield pending
