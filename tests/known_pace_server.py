"""An OpenAI-compatible chat server whose answers come at a known pace: the truth to measure.

Token k of an answer is sent at `arrival + ttft + k * tpot`, on a schedule fixed at the arrival, so
that lateness never adds up. The server times what it really did (`GET /pace`: from each request's
arrival to its first and its last token), remembers what it was asked (`GET /requests`), and can
misbehave in the ways that servers do (`--fault`).

A bare loop around `select`, because at a thousand connections and 25,000 tokens a second a
framework's own time would be part of the truth; and `select` waits with the clock's precision,
where `epoll` rounds up to whole milliseconds.

Run by hand: `python tests/known_pace_server.py --port 8011 --ttft-ms 50 --tpot-ms 10`.
"""

import argparse
import contextlib
import heapq
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

FAULTS = (
    "none",
    "error",  # every request is answered with status 500
    "half-error",  # every second one
    "error-after",  # every one after the first `--fault-after`
    "die-after",  # the process ends itself at the request after the first `--fault-after`
    "hang",  # nothing is ever sent
    "drop",  # the connection is closed after the first token
    "short",  # the answer ends at half its length
    "empty",  # the answer has no content
    "no-usage",  # the stream does not tell the token counts
    "garbage",  # the stream is not JSON
)


@dataclass(frozen=True)
class Options:
    ttft_ms: float = 50
    tpot_ms: float = 10
    slots: int = 0
    """How many requests are served at a time, in order of arrival; 0 for no limit."""
    fault: str = "none"
    fault_after: int = 0


def _chunk(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


def _event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    data = {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}
    return _chunk(b"data: %s\n\n" % json.dumps(data).encode())


HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)
ROLE = _event({"role": "assistant", "content": ""})
TOKEN = _event({"content": " word"})
NO_TOKEN = _event({"content": ""})
FINISH = _event({}, "length")
GARBAGE = _chunk(b"data: {oops\n\n")
END = _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Connection:
    """One connection, one request."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.received = b""
        self.arrived = 0.0
        self.due = 0.0
        self.tokens = 0
        self.sent = 0
        self.prompt_tokens = 0
        self.is_served = False

    def __lt__(self, other: "Connection") -> bool:
        return self.due < other.due


class Server:
    def __init__(self, options: Options, port: int) -> None:
        self.options = options
        self.ttft_s = options.ttft_ms / 1e3
        self.tpot_s = options.tpot_ms / 1e3
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.unread: dict[int, Connection] = {}
        self.schedule: list[Connection] = []
        self.waiting: deque[Connection] = deque()
        self.hung: list[Connection] = []
        self.busy = 0
        self.requests: list[dict[str, Any]] = []
        self.ttfts_s: list[float] = []
        self.e2es_s: list[float] = []

    def serve(self) -> None:
        listener = self.listener.fileno()
        while True:
            timeout_s = self.schedule[0].due - time.monotonic() if self.schedule else None
            if timeout_s is not None and timeout_s < 0:
                timeout_s = 0
            readable, _, _ = select.select([listener, *self.unread], [], [], timeout_s)
            for fd in readable:
                if fd == listener:
                    self._accept()
                else:
                    self._read(self.unread[fd])
            while self.schedule and self.schedule[0].due <= time.monotonic():
                self._send_token(heapq.heappop(self.schedule))

    def _accept(self) -> None:
        try:
            accepted, _address = self.listener.accept()
        except BlockingIOError:
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread[accepted.fileno()] = connection = Connection(accepted)
        self._read(connection)  # mostly the request is there already

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        connection.received += data
        head, separator, body = connection.received.partition(b"\r\n\r\n")
        if not separator:
            return
        request_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        if len(body) < int(headers.get("content-length", "0")):
            return
        del self.unread[connection.socket.fileno()]
        method, path, _version = request_line.split(" ", 2)
        if method == "POST" and path == "/v1/chat/completions":
            self._chat(connection, json.loads(body), headers)
        else:
            self._get(connection, path)

    def _close(self, connection: Connection) -> None:
        self.unread.pop(connection.socket.fileno(), None)
        connection.socket.close()
        if connection.is_served:
            connection.is_served = False
            self.busy -= 1
            self._serve_next()

    def _get(self, connection: Connection, path: str) -> None:
        answers: dict[str, Any] = {
            "/health": {"status": "ok"},
            "/v1/models": {"data": [{"id": "known-pace"}]},
            "/requests": self.requests,
            "/pace": {"ttfts_s": self.ttfts_s, "e2es_s": self.e2es_s},
        }
        self._answer(connection, 200 if path in answers else 404, answers.get(path))

    def _answer(self, connection: Connection, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        connection.socket.setblocking(True)
        self._send(
            connection,
            b"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%s" % (status, len(body), body),
        )
        self._close(connection)

    @staticmethod
    def _send(connection: Connection, data: bytes) -> bool:
        try:
            connection.socket.sendall(data)
        except OSError:  # the client went away
            return False
        return True

    def _chat(
        self, connection: Connection, request: dict[str, Any], headers: dict[str, str]
    ) -> None:
        connection.arrived = time.monotonic()
        prompt = request["messages"][-1]["content"]
        connection.prompt_tokens = len(prompt.split())
        connection.tokens = int(request.get("max_tokens") or 16)
        self.requests.append(
            {
                "at_s": connection.arrived,
                "prompt": prompt,
                "authorization": headers.get("authorization"),
                **{k: v for k, v in request.items() if k != "messages"},
            }
        )
        number, fault, after = len(self.requests), self.options.fault, self.options.fault_after
        if fault == "die-after" and number > after:
            os.kill(os.getpid(), signal.SIGKILL)
        if (
            fault == "error"
            or (fault == "half-error" and number % 2 == 0)
            or (fault == "error-after" and number > after)
        ):
            message = f"the engine is on fire, {headers.get('authorization')}"
            self._answer(connection, 500, {"error": {"message": message}})
        elif fault == "hang":
            self.hung.append(connection)
        else:
            self.waiting.append(connection)
            self._serve_next()

    def _serve_next(self) -> None:
        while self.waiting and not (self.options.slots and self.busy >= self.options.slots):
            connection = self.waiting.popleft()
            try:
                connection.socket.recv(1)
                connection.socket.close()  # nothing more was to come: the client went away
                continue
            except BlockingIOError:
                pass
            except OSError:
                continue
            self.busy += 1
            connection.is_served = True
            began = time.monotonic() if self.options.slots else connection.arrived
            connection.due = began + self.ttft_s
            heapq.heappush(self.schedule, connection)

    def _send_token(self, connection: Connection) -> None:
        fault = self.options.fault
        data = HEAD + ROLE if connection.sent == 0 else b""
        if connection.sent == 0:
            self.ttfts_s.append(time.monotonic() - connection.arrived)
        connection.sent += 1
        if fault == "garbage":
            data += GARBAGE
        else:
            data += NO_TOKEN if fault == "empty" else TOKEN
        last = connection.tokens // 2 if fault == "short" else connection.tokens
        if connection.sent < last and not (fault == "drop" and connection.sent > 1):
            if self._send(connection, data):
                connection.due += self.tpot_s
                heapq.heappush(self.schedule, connection)
                return
        elif fault != "drop":
            self.e2es_s.append(time.monotonic() - connection.arrived)
            self._send(connection, data + FINISH + self._usage(connection) + END)
        self._close(connection)

    def _usage(self, connection: Connection) -> bytes:
        if self.options.fault == "no-usage":
            return b""
        sent = 0 if self.options.fault == "empty" else connection.sent
        usage = {"prompt_tokens": connection.prompt_tokens, "completion_tokens": sent}
        data = {"id": "x", "object": "chat.completion.chunk", "choices": [], "usage": usage}
        return _chunk(b"data: %s\n\n" % json.dumps(data).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ttft-ms", type=float, default=50)
    parser.add_argument("--tpot-ms", type=float, default=10)
    parser.add_argument("--slots", type=int, default=0)
    parser.add_argument("--fault", choices=FAULTS, default="none")
    parser.add_argument("--fault-after", type=int, default=0)
    arguments = vars(parser.parse_args())
    server = Server(port=arguments.pop("port"), options=Options(**arguments))
    print(json.dumps({"port": server.port}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()


class KnownPaceServer:
    """The server as a child process; `with KnownPaceServer(...) as server: server.api_base`."""

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)

    def __enter__(self) -> Self:
        command = [sys.executable, __file__]
        for name, value in asdict(self.options).items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port: int = json.loads(self.process.stdout.readline())["port"]
        self.api_base = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


if __name__ == "__main__":
    main()
