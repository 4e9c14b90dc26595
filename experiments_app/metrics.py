"""From the requests of a load level to its metrics. Pure functions; times in seconds.

TTFT is the time from sending a request to its first token, E2E latency to its last, and
TPOT = (E2E − TTFT) / (output tokens − 1). Percentiles interpolate linearly between the two
nearest ranks (numpy's default, the method that genai-bench uses).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from experiments_app.benchmark.results import LevelResult

LATENCIES = ("ttft", "tpot", "e2e")
STATISTICS = ("mean", "p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Samples:
    """The successful requests of a level, a column a quantity, all of one length.

    `tpot_s` is None for an answer of one token.
    """

    ttft_s: tuple[float, ...] = ()
    tpot_s: tuple[float | None, ...] = ()
    e2e_s: tuple[float, ...] = ()
    input_tokens: tuple[int, ...] = ()
    output_tokens: tuple[int, ...] = ()

    def __add__(self, other: "Samples") -> "Samples":
        return Samples(
            self.ttft_s + other.ttft_s,
            self.tpot_s + other.tpot_s,
            self.e2e_s + other.e2e_s,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    def to_data(self) -> dict[str, list[float | None]]:
        return {
            "ttft_s": list(self.ttft_s),
            "tpot_s": list(self.tpot_s),
            "e2e_s": list(self.e2e_s),
            "input_tokens": list(self.input_tokens),
            "output_tokens": list(self.output_tokens),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Sequence[float]]) -> "Samples":
        return cls(
            tuple(data.get("ttft_s", ())),
            tuple(data.get("tpot_s", ())),
            tuple(data.get("e2e_s", ())),
            tuple(int(n) for n in data.get("input_tokens", ())),
            tuple(int(n) for n in data.get("output_tokens", ())),
        )

    def values(self, latency: str) -> list[float]:
        """All known values of "ttft", "tpot" or "e2e"."""
        column: tuple[float | None, ...] = getattr(self, f"{latency}_s")
        return [value for value in column if value is not None]


@dataclass(frozen=True)
class Level:
    """One measurement of one load level: its requests, and the rates over its duration."""

    scenario: str
    concurrency: int
    num_requests: int
    num_errors: int
    duration_s: float
    output_tokens_per_s: float
    total_tokens_per_s: float
    requests_per_s: float
    good_requests_per_s: float
    samples: Samples
    num_cut_off: int = 0
    client_bound: bool = False
    devices: int = 1
    cost_per_million_tokens: float | None = None
    joules_per_token: float | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """What `Measurement.conditions` keeps: how it was measured, and what else went on meanwhile."""


@dataclass(frozen=True)
class Point:
    """A (scenario, concurrency) with all its repeats: requests pooled, rates averaged."""

    scenario: str
    concurrency: int
    num_requests: int
    num_errors: int
    output_tokens_per_s: float
    good_requests_per_s: float
    samples: Samples
    devices: int = 1
    cost_per_million_tokens: float | None = None
    joules_per_token: float | None = None

    def figure(self, name: str) -> float | None:
        """What a bound of the SLO is about, by its key."""
        match name:
            case "error_rate":
                return self.error_rate
            case "cost_per_million_tokens":
                return self.cost_per_million_tokens
            case "joules_per_token":
                return self.joules_per_token
            case _:
                return self.latencies[name]

    @property
    def error_rate(self) -> float:
        return self.num_errors / self.num_requests if self.num_requests else 1.0

    @cached_property
    def latencies(self) -> dict[str, float | None]:
        return latency_statistics(self.samples)


def pool(levels: Iterable[Level]) -> list[Point]:
    """One point for each (scenario, concurrency), in order of both."""

    def key(level: Level) -> tuple[str, int]:
        return level.scenario, level.concurrency

    points = []
    for (scenario, concurrency), group in groupby(sorted(levels, key=key), key=key):
        repeats = list(group)
        points.append(
            Point(
                scenario=scenario,
                concurrency=concurrency,
                num_requests=sum(level.num_requests for level in repeats),
                num_errors=sum(level.num_errors for level in repeats),
                output_tokens_per_s=_mean([level.output_tokens_per_s for level in repeats]),
                good_requests_per_s=_mean([level.good_requests_per_s for level in repeats]),
                samples=sum((level.samples for level in repeats), Samples()),
                devices=max(level.devices for level in repeats),
                cost_per_million_tokens=per_token(repeats, "cost_per_million_tokens"),
                joules_per_token=per_token(repeats, "joules_per_token"),
            )
        )
    return points


def per_token(repeats: Iterable[Any], name: str) -> float | None:
    """The mean over the tokens of all repeats that have it: each counts by its output rate."""
    known = [
        (value, level.output_tokens_per_s or 0.0)
        for level in repeats
        if (value := getattr(level, name)) is not None
    ]
    total = sum(rate for _, rate in known)
    return sum(value * rate for value, rate in known) / total if total else None


def latency_statistics(samples: Samples) -> dict[str, float | None]:
    """`ttft_mean_s`, `ttft_p50_s`, … `e2e_p99_s`; None where no request has the quantity."""
    statistics: dict[str, float | None] = {}
    for latency in LATENCIES:
        values = samples.values(latency)
        for statistic in STATISTICS:
            statistics[f"{latency}_{statistic}_s"] = _statistic(values, statistic)
    return statistics


def level_of(result: LevelResult, slo: Mapping[str, float], devices: int) -> Level:
    """The part of a benchmark's level that is kept, its goodput counted against `slo`."""
    successes = result.successes
    return Level(
        scenario=result.scenario,
        concurrency=result.concurrency,
        num_requests=result.num_requests,
        num_errors=result.num_errors,
        num_cut_off=result.num_cut_off,
        duration_s=result.duration_s,
        output_tokens_per_s=result.output_tokens_per_s,
        total_tokens_per_s=result.total_tokens_per_s,
        requests_per_s=result.requests_per_s,
        good_requests_per_s=result.requests_per_s_where(
            lambda sample: meets(slo, sample.ttft_s, sample.tpot_s, sample.e2e_s)
        ),
        client_bound=result.client_bound,
        conditions={"prompts": result.prompts_sha256},
        samples=Samples(
            ttft_s=tuple(sample.ttft_s or 0.0 for sample in successes),
            tpot_s=tuple(sample.tpot_s for sample in successes),
            e2e_s=tuple(sample.e2e_s or 0.0 for sample in successes),
            input_tokens=tuple(sample.input_tokens for sample in successes),
            output_tokens=tuple(sample.output_tokens for sample in successes),
        ),
        devices=devices,
    )


def meets(
    slo: Mapping[str, float], ttft_s: float | None, tpot_s: float | None, e2e_s: float | None
) -> bool:
    """Whether a single request meets every latency bound of the SLO by itself.

    A bound holds for it whatever statistic the SLO names the bound for. An answer of one token
    has no TPOT and cannot miss that bound.
    """
    own = {"ttft": ttft_s, "tpot": tpot_s, "e2e": e2e_s}
    for name, bound in slo.items():
        value = own.get(name.partition("_")[0])
        if value is not None and value > bound:
            return False
    return True


def _statistic(values: Sequence[float], statistic: str) -> float | None:
    if not values:
        return None
    if statistic == "mean":
        return _mean(values)
    return float(np.percentile(values, int(statistic.removeprefix("p"))))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
