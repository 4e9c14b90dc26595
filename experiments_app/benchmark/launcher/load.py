"""The load of each level: which requests, when it is over, what is remembered of it.

The driver says which level comes next. The requests of a level are made beforehand, as
`request_sets` says. The first `requests` of them are measured. Until the last of those is
answered the users go on sending further ones that nobody measures, so that each measured request
runs at the asked concurrency from its start to its end.
"""

import gc
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gevent
import gevent.event
from genai_bench.protocol import UserResponse

from experiments_app.benchmark.launcher.channel import Channel
from experiments_app.benchmark.launcher.loop_watch import LoopWatch
from experiments_app.benchmark.launcher.request_sets import RequestSets, fingerprint

BAD_ANSWER = -1
"""Error code of an answer with status 200 that is none: broken JSON, no content, no usage."""
PROGRESS_INTERVAL_S = 0.2
PARKED_S = 3600
SETTLE_S = 1.0
"""How long the server gets to notice that unmeasured requests were broken off."""


@dataclass
class Ticket:
    """One request under way; times on the monotonic clock."""

    index: int
    request: Any
    start: float
    answered: bool = False


@dataclass
class Level:
    scenario: str
    concurrency: int
    requests: int
    prepared: list[Any]
    take: int = 1
    index: int = 0
    tickets: list[Ticket] = field(default_factory=list)
    answered: list[dict[str, Any]] = field(default_factory=list)
    errors: int = 0
    errors_in_a_row: int = 0
    first_unmeasured: float | None = None
    broken_off: int = 0
    stopped_by: str = "requests"
    over: Any = field(default_factory=gevent.event.Event)
    failure: str = ""
    """Why the server is not asked any further, where it stopped answering in the middle."""

    @property
    def is_over(self) -> bool:
        return bool(self.over.is_set())


class Load:
    """Takes the decisions that genai-bench leaves to chance or to a clock."""

    def __init__(
        self,
        channel: Channel,
        folder: Path,
        levels: list[tuple[str, int]],
        requests: int,
        request_sets: RequestSets,
    ) -> None:
        self._channel = channel
        self._folder = folder
        self._plan = levels
        self._requests = requests
        self._sets = request_sets
        self._prepared: dict[tuple[str, int, int], Level] = {}
        self._count = 0
        self._ended_at = 0.0
        self._environment: Any = None
        self._collector: Any = None
        self._watch = LoopWatch()
        self._last_progress = 0.0
        self.level: Level
        self.is_ready = False
        """Whether the driver may say which level comes next."""

    # Before the first request

    def prepare(self, environment: Any, collector: Any) -> None:
        """Makes the requests of all levels."""
        self._environment = environment
        self._collector = collector
        for scenario, concurrency in self._plan:
            self._prepared[scenario, concurrency, 1] = self._make(scenario, concurrency, 1)

    def _make(self, scenario: str, concurrency: int, take: int) -> Level:
        # Less than one request a user would not reach the concurrency.
        requests = max(self._requests, concurrency)
        level = Level(scenario, concurrency, requests, [], take)
        self._sets.begin(scenario, concurrency, take)
        self._make_more(level, requests + concurrency)
        return level

    def _make_more(self, level: Level, count: int) -> None:
        known = len(level.prepared)
        level.prepared += self._sets.sample(
            self._environment.sampler,
            level.scenario,
            level.concurrency,
            level.take,
            range(known, known + count),
        )

    # A level, in the order of events

    def next_level(self) -> Level:
        """Waits until the driver says which; then until the server has noticed that requests of
        the one before were broken off."""
        scenario, concurrency, take = json.loads(self._channel.next_line())
        level = self._prepared.pop((scenario, concurrency, take), None)
        if level is None:
            level = self._make(scenario, concurrency, take)
        level.index = self._count
        if self._count and self.level.broken_off:
            gevent.sleep(max(self._ended_at + SETTLE_S - time.monotonic(), 0.0))
        self._count += 1
        self.level = level
        return level

    def begin(self) -> None:
        # A collection would hold all streams up for tens of milliseconds.
        gc.collect()
        gc.freeze()
        gc.disable()
        self._channel.emit(
            "level_started",
            index=self.level.index,
            requests=self.level.requests,
        )

    def next_request(self, user: Any) -> Any:
        """The request that `user` sends now."""
        level = self.level
        if level.is_over:
            gevent.sleep(PARKED_S)  # genai-bench ends its users now
        index = len(level.tickets)
        if index >= level.requests and level.errors_in_a_row:
            gevent.sleep(0.1)  # a server that refuses at once would be asked thousands of times
        if index >= len(level.prepared):
            self._make_more(level, level.concurrency)
        if index == 0:
            self._watch.start()
        now = time.monotonic()
        if index == level.requests:
            level.first_unmeasured = now
        user.ticket = Ticket(index, level.prepared[index], now)
        level.tickets.append(user.ticket)
        return user.ticket.request

    def collected(self, user: Any, response: Any, collect: Any) -> None:
        """Takes the answer to the request of `user`; `collect` is genai-bench's way with it."""
        level, ticket = self.level, user.ticket
        if ticket.answered:
            return
        ticket.answered = True
        if ticket.index >= level.requests or level.is_over:
            return
        known = len(self._collector.all_request_metrics)
        collect(response)
        if len(self._collector.all_request_metrics) == known:
            message = "the answer has too few tokens to be measured"
            response = UserResponse(status_code=BAD_ANSWER, error_message=message)
            collect(response)
        level.answered.append(
            {
                "index": ticket.index,
                "start": response.start_time or ticket.start,
                "end": response.end_time or time.monotonic(),
                "asked_output_tokens": ticket.request.max_tokens,
            }
        )
        self._judge(level, response)
        self._report_progress(level)

    def _judge(self, level: Level, response: Any) -> None:
        if response.status_code == 200:
            level.errors_in_a_row = 0
        else:
            level.errors += 1
            level.errors_in_a_row += 1
            self._give_up_on_errors(level, response)
        if len(level.answered) >= level.requests:
            level.over.set()

    @staticmethod
    def _give_up_on_errors(level: Level, response: Any) -> None:
        answered = len(level.answered)
        if level.errors == answered:
            if answered >= min(level.requests, max(8, level.concurrency)):
                level.over.set()
        elif level.errors_in_a_row >= max(20, 3 * level.concurrency):
            level.failure = (
                f"The server stopped answering: the last {level.errors_in_a_row} requests failed "
                f"one after another, the last one with error {response.status_code}: "
                f"{str(response.error_message)[:500]}"
            )
            level.over.set()

    def _report_progress(self, level: Level) -> None:
        now = time.monotonic()
        if level.is_over or now - self._last_progress >= PROGRESS_INTERVAL_S:
            self._last_progress = now
            self._channel.emit(
                "progress",
                may_drop=True,
                index=level.index,
                done=len(level.answered),
                errors=level.errors,
            )

    def wait(self, max_time_s: int) -> int:
        """Waits until the level is over and returns its whole seconds, as genai-bench does."""
        began = time.monotonic()
        if not self.level.over.wait(timeout=max_time_s):
            self.level.stopped_by = "time"
            self.level.over.set()
        self.level.broken_off = sum(not ticket.answered for ticket in self.level.tickets)
        self._watch.stop()
        gc.enable()
        self._ended_at = time.monotonic()
        return int(time.monotonic() - began)

    def finish(self) -> None:
        """Writes what genai-bench has no place for, beside the file that it wrote."""
        level = self.level
        folder = self._folder / "timings"
        folder.mkdir(exist_ok=True)
        content = {
            "scenario": level.scenario,
            "concurrency": level.concurrency,
            "requests_asked": level.requests,
            "prompts_sha256": fingerprint(level.prepared[: level.requests]),
            "requests": level.answered,
            "window_end": self._window_end(level),
            "stopped_by": level.stopped_by,
            **asdict(self._watch.figures()),
        }
        (folder / f"level_{level.index}.json").write_text(json.dumps(content))
        self._channel.emit(
            "level_finished",
            index=level.index,
            done=len(level.answered),
            errors=level.errors,
            failure=level.failure,
        )

    @staticmethod
    def _window_end(level: Level) -> float | None:
        unanswered = [t.start for t in level.tickets[: level.requests] if not t.answered]
        ends = [e for e in (level.first_unmeasured, *unanswered) if e is not None]
        return min(ends, default=None)
