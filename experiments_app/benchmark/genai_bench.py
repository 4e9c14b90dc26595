"""Drives genai-bench: starts it, follows it, stops it, and believes only complete results."""

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from experiments_app.benchmark import command
from experiments_app.benchmark.errors import BenchmarkError, ErrorKind, error_of_os
from experiments_app.benchmark.level_files import all_failed, read_level, set_aside
from experiments_app.benchmark.request import BenchmarkRequest, Key, Progress
from experiments_app.benchmark.results import LevelResult
from experiments_app.engines.log_capture import LogCapture
from experiments_app.processes import stop_group

POLL_INTERVAL_S = 0.1
EXIT_WAIT_S = 5.0
TAIL_LINES = 12


class GenaiBench:
    """One run of genai-bench, which may be started early, and measures level by level.

    `prepare` starts the process: it loads itself, the tokenizer and the prompts, which takes
    seconds and needs no server. `measure` lets it load the server with one level after the other,
    in whatever order. Leaving the `with` block ends the process and all that it started, whatever
    happened.
    """

    def __init__(self, request: BenchmarkRequest) -> None:
        self.request = request
        self._process: subprocess.Popen[bytes] | None = None
        self._log: LogCapture | None = None
        self._events_fd = -1
        self._pending = b""
        self._failure: tuple[ErrorKind, str] | None = None
        self._finished: list[LevelResult] = []
        self._asked = 0
        self._again = 0
        self._key: Key = ("", 0)
        self._of: int | None = None
        self._level: dict[str, Any] = {}
        self._level_began = 0.0
        self._spawned_at = 0.0
        self.ready_after_s: float | None = None
        """From the start of the process until it could have sent the first request."""

    def __enter__(self) -> Self:
        self.prepare()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def prepare(self) -> None:
        """Starts the process without waiting for it. Raises BenchmarkError."""
        if self._process is not None:
            return
        request = self.request
        python = command.python_of(request.genai_bench_path)
        configuration = command.configuration(request)
        try:
            request.folder.mkdir(parents=True, exist_ok=True)
            if any(request.folder.iterdir()):
                raise BenchmarkError(
                    ErrorKind.OTHER,
                    f"{request.folder} is not empty: results of two benchmarks would be mixed",
                )
            self._spawn(python)
            self._send(json.dumps(configuration))
        except OSError as error:
            self.close()
            raise error_of_os(error, "genai-bench could not be started") from error

    def _spawn(self, python: Path) -> None:
        request = self.request
        events_fd, child_events_fd = os.pipe()
        output_fd, child_output_fd = os.pipe()
        self._spawned_at = time.monotonic()
        try:
            self._process = subprocess.Popen(
                command.launcher(python, child_events_fd),
                stdin=subprocess.PIPE,
                stdout=child_output_fd,
                stderr=child_output_fd,
                pass_fds=(child_events_fd,),
                env=command.environment(request),
                cwd=request.folder,
                start_new_session=True,
            )
        except OSError:
            os.close(events_fd)
            os.close(output_fd)
            raise
        finally:
            os.close(child_events_fd)
            os.close(child_output_fd)
        self._events_fd = events_fd
        log_path = request.log_path or request.folder / "genai_bench.log"
        self._log = LogCapture(output_fd, log_path, request.max_log_bytes)

    def _send(self, line: str) -> None:
        stdin = self._process.stdin if self._process else None
        if stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # it died: what it said comes as an event
            stdin.write(line.encode() + b"\n")
            stdin.flush()

    def measure(
        self,
        level: Key,
        *,
        of: int | None = None,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        should_stop: Callable[[], None] = lambda: None,
        deadline_s: float | None = None,
        take: int = 1,
    ) -> LevelResult:
        """Measures one level; one without a single success is a result, too. A level that was
        measured before is measured again as its next `take`.

        `of` is how many levels are to be measured, where that is known. `should_stop` is asked
        several times a second and raises to abort; `deadline_s` is the most seconds from now.
        Raises BenchmarkError; after one of the kind `server` another level can be measured, after
        all others the process has been ended.
        """
        self.prepare()
        deadline = time.monotonic() + deadline_s if deadline_s is not None else float("inf")
        self._key, self._of, self._level = level, of, {}
        try:
            if take > 1:
                self._again += 1
                set_aside(self.request, level, take - 1)
            self._send(json.dumps([*level, take]))
            self._follow(on_progress, should_stop, deadline)
            failure = self._level.get("failure")
            result = None if failure else read_level(self.request, level, self._asked)
        except BenchmarkError as error:
            self.close()
            raise self._with_context(error) from error.__cause__
        except BaseException:
            self.close()
            raise
        where = self._where()
        self._asked += 1
        if result is None:
            raise self._with_context(BenchmarkError(ErrorKind.SERVER, f"{failure}{where}"))
        self._finished.append(result)
        return result

    def run(
        self,
        *,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        should_stop: Callable[[], None] = lambda: None,
        deadline_s: float | None = None,
    ) -> list[LevelResult]:
        """Measures every level of the request, scenario by scenario, and ends the process. The
        arguments are those of `measure`. Raises BenchmarkError, for a level without a success
        too."""
        deadline = time.monotonic() + deadline_s if deadline_s is not None else float("inf")
        try:
            for level in self.request.levels:
                result = self.measure(
                    level,
                    of=len(self.request.levels),
                    on_progress=on_progress,
                    should_stop=should_stop,
                    deadline_s=deadline - time.monotonic(),
                )
                if not result.successes:
                    self._finished.pop()
                    raise self._with_context(all_failed(result))
            return list(self._finished)
        finally:
            self.close()

    def _follow(
        self,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], None],
        deadline: float,
    ) -> None:
        """Takes events until the level has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._events_fd, selectors.EVENT_READ)
            while True:
                if selector.select(timeout=POLL_INTERVAL_S):
                    data = os.read(self._events_fd, 65536)
                    if not data:  # it closes its end only by ending
                        raise self._early_end()
                    *lines, self._pending = (self._pending + data).split(b"\n")
                    events = [json.loads(line) for line in lines]
                    for event in events:
                        self._take(event, on_progress)
                    if any(event["event"] == "level_finished" for event in events):
                        return
                should_stop()
                if time.monotonic() > deadline:
                    raise BenchmarkError(
                        ErrorKind.TIME_OUT,
                        f"The benchmark was not finished in time{self._where()}",
                    )

    def _take(self, event: dict[str, Any], on_progress: Callable[[Progress], None]) -> None:
        match event["event"]:
            case "ready":
                self.ready_after_s = event["at"] - self._spawned_at
                return
            case "level_started":
                self._level = {**event, "done": 0, "errors": 0}
                self._level_began = time.monotonic()
            case "progress":
                self._level |= event
            case "level_finished":
                self._level |= event
                return
            case "failed":
                self._failure = ErrorKind(event["kind"]), event["message"]
                return
            case _:
                return
        on_progress(self._progress())

    def _progress(self) -> Progress:
        scenario, concurrency = self._key
        return Progress(
            index=self._asked - self._again,
            levels=self._of,
            scenario=scenario,
            concurrency=concurrency,
            done=self._level["done"],
            total=self._level["requests"],
            errors=self._level["errors"],
            elapsed_s=time.monotonic() - self._level_began,
        )

    def _where(self) -> str:
        if not self._level:
            return ""
        at = self._progress()
        number = f"level {at.index + 1}" + (f" of {at.levels}" if at.levels else "")
        return (
            f": {at.done} of {at.total} requests were answered at {at.scenario}, "
            f"concurrency {at.concurrency} ({number})"
        )

    def _early_end(self) -> BenchmarkError:
        """Why genai-bench ended before its level did."""
        code = self._exit_code()
        if self._failure:
            return BenchmarkError(*self._failure)
        if code is not None and code < 0:
            return BenchmarkError(
                ErrorKind.KILLED,
                f"genai-bench was ended by signal {-code}{self._where()}. Signal 9 often means "
                "that the machine ran out of memory",
            )
        return BenchmarkError(ErrorKind.OTHER, f"genai-bench ended with code {code}{self._where()}")

    def _exit_code(self) -> int | None:
        """None when it closed its end of the events and yet does not end."""
        if self._process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(EXIT_WAIT_S)
        return None

    def _with_context(self, error: BenchmarkError) -> BenchmarkError:
        """The same error with the levels that had finished and the log's last lines."""
        tail = self._log.tail(TAIL_LINES) if self._log else ""
        message = error.message
        if error.kind in {ErrorKind.OTHER, ErrorKind.KILLED} and tail:
            message += f"\nIts last lines:\n{tail}"
        return BenchmarkError(error.kind, message, levels=tuple(self._finished), log_tail=tail)

    @property
    def log_incomplete(self) -> str | None:
        """Why the log file lacks something (a full disk, its limit), or None."""
        return self._log.incomplete if self._log else None

    def close(self) -> None:
        """Ends the process and its group. May be called more than once."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            # Not reaped yet, so the group's id cannot have gone to somebody else.
            stop_group(process.pid, self.request.stop_grace_s)
            process.wait()
        if process.stdin:
            with contextlib.suppress(OSError):
                process.stdin.close()
        os.close(self._events_fd)
        if self._log:
            self._log.close()


def run_benchmark(
    request: BenchmarkRequest,
    *,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    should_stop: Callable[[], None] = lambda: None,
    deadline_s: float | None = None,
) -> list[LevelResult]:
    """Starts genai-bench, measures every level and ends it. Raises BenchmarkError."""
    with GenaiBench(request) as bench:
        return bench.run(on_progress=on_progress, should_stop=should_stop, deadline_s=deadline_s)
