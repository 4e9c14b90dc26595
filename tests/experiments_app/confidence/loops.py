"""Levels of a known truth: a closed loop of users around a server whose pace is drawn."""

import heapq
from collections.abc import Callable
from unittest.mock import Mock

import numpy as np

from experiments_app.benchmark.results import AggregatedMetrics, LevelResult, RequestSample

TOKENS = 50
TTFT_SHARE = 0.1


def closed_loop(
    requests: int,
    concurrency: int,
    *,
    seed: int = 0,
    spread: float = 0.0,
    correlation: float = 0.0,
    pace: Callable[[float], float] = lambda _done: 1.0,
    errors: int = 0,
) -> LevelResult:
    """Answers of TOKENS tokens that take 1 s on average, a tenth of it to the first token.

    `spread`: the coefficient of variation of what a request takes, which is lognormal;
    `correlation`: that of its logarithm with the one of the request sent before it; `pace`
    multiplies it, by the share of the requests that were sent. The last `errors` requests fail.
    """
    rng = np.random.default_rng(seed)
    sigma = np.sqrt(np.log(1 + spread**2))
    free = [0.0] * concurrency
    drawn = rng.normal()
    spans = []
    for index in range(requests):
        start = heapq.heappop(free)
        drawn = correlation * drawn + np.sqrt(1 - correlation**2) * rng.normal()
        takes = float(np.exp(sigma * drawn - sigma**2 / 2)) * pace(index / requests)
        spans.append((start, start + takes))
        heapq.heappush(free, start + takes)
    window = min(free)
    samples = tuple(_sample(*span, window) for span in spans[: requests - errors])
    samples += tuple(_failed(*span) for span in spans[requests - errors :])
    return LevelResult(
        scenario="D(100,50)",
        concurrency=concurrency,
        samples=samples,
        duration_s=max(free),
        window_s=window,
        stopped_by="requests",
        client_cpu_share=0.1,
        client_busy_share=0.1,
        client_lag_s=0.0,
        client_bound=False,
        reported=Mock(AggregatedMetrics),
    )


def _sample(start: float, end: float, window: float) -> RequestSample:
    takes = end - start
    first = start + TTFT_SHARE * takes
    decoded = np.clip((window - first) / (end - first), 0, 1)
    share = float((1 + (TOKENS - 1) * decoded) / TOKENS) if window >= first else 0.0
    return RequestSample(
        start_s=start,
        end_s=end,
        ttft_s=first - start,
        tpot_s=(end - first) / (TOKENS - 1),
        e2e_s=takes,
        input_tokens=100,
        output_tokens=TOKENS,
        asked_output_tokens=TOKENS,
        share_in_window=share,
    )


def _failed(start: float, end: float) -> RequestSample:
    return RequestSample(
        start_s=start,
        end_s=end,
        ttft_s=None,
        tpot_s=None,
        e2e_s=None,
        input_tokens=0,
        output_tokens=0,
        asked_output_tokens=TOKENS,
        error_code=500,
    )
