"""What a benchmark gives: our own typed results, and genai-bench's files they are read from."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True)
class RequestSample:
    """One request of a level, as the client saw it. Times count from the level's first request."""

    start_s: float
    end_s: float
    ttft_s: float | None
    """None when the request failed."""
    tpot_s: float | None
    """Mean time between the output tokens after the first one; None when it cannot be told."""
    e2e_s: float | None
    input_tokens: int
    output_tokens: int
    asked_output_tokens: int | None
    """None when the scenario leaves the length to the model."""
    error_code: int | None = None
    error_message: str = ""
    share_in_window: float = 0.0
    """How much of the output, 0 to 1, came within the level's window of full load."""

    @property
    def failed(self) -> bool:
        return self.error_code is not None

    @property
    def cut_off(self) -> bool:
        """Whether the answer has another length than the one that was asked for."""
        return (
            not self.failed
            and self.asked_output_tokens is not None
            and self.output_tokens != self.asked_output_tokens
        )


@dataclass(frozen=True)
class LevelResult:
    """All requests of one (scenario, concurrency), failed ones included.

    Rates are taken over the window of full load: from the first request's start to the start of the
    first request that is not measured, when the asked concurrency was kept throughout.
    """

    scenario: str
    concurrency: int
    samples: tuple[RequestSample, ...]
    duration_s: float
    """From the first request's start to the last one's end."""
    window_s: float
    stopped_by: str
    """`requests` when all of them were answered, `time` when the level's time was up."""
    client_cpu_share: float
    """Processor time of the client over the level's duration; 1 is one full core."""
    client_busy_share: float
    """Share of the time in which the client's event loop was at work, or waited for a processor."""
    client_lag_s: float
    """Mean time that something which had arrived waited until the client looked at it."""
    client_bound: bool
    """Whether the client, not the server, limited this level."""
    reported: "AggregatedMetrics"
    """genai-bench's own aggregates, to compare with."""
    prompts_sha256: str = ""
    """Of the requests that the level was to be measured with, in order."""

    @property
    def num_requests(self) -> int:
        return len(self.samples)

    @cached_property
    def error_codes(self) -> dict[int, int]:
        return dict(Counter(s.error_code for s in self.samples if s.error_code is not None))

    @property
    def num_errors(self) -> int:
        return sum(self.error_codes.values())

    @property
    def error_rate(self) -> float:
        return self.num_errors / self.num_requests

    @property
    def num_cut_off(self) -> int:
        return sum(s.cut_off for s in self.samples)

    @property
    def successes(self) -> tuple[RequestSample, ...]:
        return tuple(s for s in self.samples if not s.failed)

    def requests_per_s_where(self, counts: Callable[[RequestSample], bool]) -> float:
        """Successful requests a second for which `counts` holds (goodput, when it asks the SLO)."""
        return self._rate(sum(s.share_in_window for s in self.successes if counts(s)))

    @property
    def requests_per_s(self) -> float:
        return self.requests_per_s_where(lambda _sample: True)

    @property
    def output_tokens_per_s(self) -> float:
        return self._rate(sum(s.output_tokens * s.share_in_window for s in self.successes))

    @property
    def total_tokens_per_s(self) -> float:
        return self._rate(
            sum((s.input_tokens + s.output_tokens) * s.share_in_window for s in self.successes)
        )

    def _rate(self, amount: float) -> float:
        return amount / self.window_s if self.window_s > 0 else 0.0


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Stat(_File):
    """Statistics of one figure over a level's successful requests; None when there were none."""

    min: float | None = None
    max: float | None = None
    mean: float | None = None
    stddev: float | None = None
    sum: float | None = None
    p25: float | None = None
    p50: float | None = None
    p75: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None


class Stats(_File):
    ttft: Stat
    tpot: Stat
    e2e_latency: Stat
    output_latency: Stat
    num_input_tokens: Stat
    num_output_tokens: Stat
    total_tokens: Stat


class AggregatedMetrics(_File):
    """genai-bench's figures for a level.

    Its `error_rate` is always 0 and its throughputs count the ends of a level in, so we
    compare with them and show our own.
    """

    scenario: str
    num_concurrency: int
    run_duration: float
    mean_output_throughput_tokens_per_s: float
    mean_total_tokens_throughput_tokens_per_s: float
    requests_per_second: float
    error_codes_frequency: dict[int, int]
    num_error_requests: int
    num_completed_requests: int
    num_requests: int
    stats: Stats

    @property
    def level(self) -> tuple[str, int]:
        return self.scenario, self.num_concurrency


class RequestMetrics(_File):
    ttft: float | None = None
    tpot: float | None = None
    e2e_latency: float | None = None
    output_latency: float | None = None
    num_input_tokens: int | None = None
    num_output_tokens: int | None = None
    error_code: int | None = None
    error_message: str | None = None


class LevelFile(_File):
    """The file that genai-bench writes for a level."""

    aggregated_metrics: AggregatedMetrics
    individual_request_metrics: tuple[RequestMetrics, ...]
    time_unit: str = Field(alias="_time_unit")


class RequestTiming(_File):
    """What genai-bench knows of a request but does not write; times on the monotonic clock."""

    index: int
    """The request's place in the order of sending, from 0."""
    start: float
    end: float
    asked_output_tokens: int | None


class TimingsFile(_File):
    """The file that our launcher writes for a level: its requests in the level file's order."""

    scenario: str
    concurrency: int
    requests: tuple[RequestTiming, ...]
    requests_asked: int
    prompts_sha256: str = ""
    window_end: float | None
    """Start of the first request that is not measured; None when there was none."""
    stopped_by: str
    client_cpu_share: float
    client_busy_share: float
    client_lag_s: float
