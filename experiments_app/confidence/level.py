"""All that a level's own requests tell about how sure its figures are: made once, when they are
measured, and stored with them, because the requests themselves are not kept for ever."""

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

from experiments_app.benchmark.results import LevelResult, RequestSample
from experiments_app.confidence.batches import (
    Answer,
    Interval,
    Pace,
    batch_means,
    batch_size,
    mean_interval,
)
from experiments_app.confidence.percentiles import (
    independent_requests,
    percentile_interval,
    share_interval,
)
from experiments_app.confidence.steady_state import judge
from experiments_app.metrics import LATENCIES, STATISTICS, meets
from tasks_app.percentile_requests import percentile_of

RAMP_UP_WAVES = 4
"""With fewer waves of requests the first one is not compared with the others."""


def conditions_of(result: LevelResult, slo: Mapping[str, float]) -> dict[str, Any]:
    """```
    {"intervals": {"ttft_p99_s": [lower, upper], "output_tokens_per_s": […], "error_rate": […], …},
     "independent_requests": {"ttft_p99_s": 120, …},
     "steadiness": {"verdict": "steady", "figure": "", "change": 0.0},
     "ramp_up": {"requests": 8, "ttft_ratio": 1.4}}
    ```
    95 % intervals, in the units of the figures; an end that is not known is null. A figure has none
    where nothing can be said. `independent_requests` has those percentiles whose requests depend on
    each other, with how many independent ones they are worth. `ramp_up` compares the mean TTFT of
    the first wave, which is sent all at once, with that of the others; {} for a few waves only.
    """
    samples = sorted(result.successes, key=lambda sample: sample.start_s)
    size = batch_size(len(samples), result.concurrency)
    series = {
        name: [value for sample in samples if (value := getattr(sample, f"{name}_s")) is not None]
        for name in LATENCIES
    }
    pace = Pace.of([_answer(sample) for sample in samples], size, result.window_s)
    intervals: dict[str, Interval] = {}
    independent: dict[str, int] = {}
    for name, values in series.items():
        for statistic in STATISTICS:
            _judge_latency(f"{name}_{statistic}_s", values, size, intervals, independent)
    for name, (weight, rate) in _rates(result, slo).items():
        found = pace.interval([weight(sample) for sample in samples], rate)
        if found is not None:
            intervals[name] = found
    intervals["error_rate"] = share_interval(result.num_errors, result.num_requests)
    means = {name: batch_means(values, size).tolist() for name, values in series.items()}
    tokens = pace.rates([float(sample.output_tokens) for sample in samples]).tolist()
    return {
        "intervals": {name: list(ends) for name, ends in intervals.items()},
        "independent_requests": independent,
        "steadiness": judge({**means, "output_tokens_per_s": tokens}).to_data(),
        "ramp_up": _ramp_up(series["ttft"], result.concurrency),
    }


def _judge_latency(
    figure: str,
    values: list[float],
    size: int,
    intervals: dict[str, Interval],
    independent: dict[str, int],
) -> None:
    if not values:
        return
    percentile = percentile_of(figure)
    if percentile is None:
        found = mean_interval(values, size)
        if found is not None:
            intervals[figure] = found
        return
    worth = independent_requests(values, percentile, size)
    if worth < len(values):
        independent[figure] = worth
    intervals[figure] = percentile_interval(values, percentile, worth)


def _rates(
    result: LevelResult, slo: Mapping[str, float]
) -> dict[str, tuple[Callable[[RequestSample], float], float]]:
    """For each rate: what an answer counts as, and the level's own figure."""

    def is_good(sample: RequestSample) -> bool:
        return meets(slo, sample.ttft_s, sample.tpot_s, sample.e2e_s)

    return {
        "output_tokens_per_s": (lambda s: s.output_tokens, result.output_tokens_per_s),
        "total_tokens_per_s": (
            lambda s: s.input_tokens + s.output_tokens,
            result.total_tokens_per_s,
        ),
        "requests_per_s": (lambda _s: 1.0, result.requests_per_s),
        "good_requests_per_s": (
            lambda s: float(is_good(s)),
            result.requests_per_s_where(is_good),
        ),
    }


def _answer(sample: RequestSample) -> Answer:
    first = sample.start_s + (sample.ttft_s or 0.0)
    return Answer(first, sample.end_s, sample.output_tokens)


def _ramp_up(ttfts: list[float], concurrency: int) -> dict[str, float]:
    if concurrency < 2 or len(ttfts) < RAMP_UP_WAVES * concurrency:
        return {}
    others = fmean(ttfts[concurrency:])
    ratio = fmean(ttfts[:concurrency]) / others if others > 0 else 1.0
    return {"requests": concurrency, "ttft_ratio": ratio}
