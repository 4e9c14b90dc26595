"""How often the intervals of a load level hold the truth, on closed loops whose truth is known.

    python -m benchmarks.interval_coverage

Each row is a kind of level: requests, concurrency, and how much the time that a request takes
depends on that of the one before it. A tenth of it is the TTFT; the coefficient of variation is
20 %. `plain` is what the textbook's standard error and the binomial law without a correction give.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist, fmean

import numpy as np

from experiments_app.benchmark.results import RequestSample
from experiments_app.confidence.level import conditions_of
from experiments_app.confidence.percentiles import percentile_interval
from tests.experiments_app.confidence.loops import TOKENS, TTFT_SHARE, closed_loop

SPREAD = 0.2
SIGMA = float(np.sqrt(np.log(1 + SPREAD**2)))
KINDS = ((100, 4, 0.0), (100, 4, 0.5), (100, 16, 0.5), (400, 4, 0.0), (400, 4, 0.5), (400, 4, 0.8))
HEADER = (
    "requests", "concurrency", "correlation", "mean", "plain", "p50", "plain", "p90", "plain",
    "p99", "p99 bounded", "throughput", "called steady",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--levels", type=int, default=200, help="Levels of each kind.")
    levels = parser.parse_args().levels
    print(f"| {' | '.join(HEADER)} |")
    print("|---" * len(HEADER) + "|")
    for kind in KINDS:
        print(f"| {' | '.join(row(levels, *kind))} |", flush=True)


def row(levels: int, requests: int, concurrency: int, correlation: float) -> list[str]:
    held: dict[str, list[bool]] = {}
    verdicts: Counter[str] = Counter()
    for seed in range(levels):
        level = closed_loop(
            requests, concurrency, seed=seed, spread=SPREAD, correlation=correlation
        )
        found = conditions_of(level, {})
        verdicts[found["steadiness"]["verdict"]] += 1
        for name, holds in judged(found["intervals"], level.samples, concurrency).items():
            held.setdefault(name, []).append(holds)
    told = levels - verdicts["too_short"]
    return [
        str(requests),
        str(concurrency),
        str(correlation),
        *(f"{100 * fmean(found):.0f} %" for found in held.values()),
        f"{verdicts['steady'] / told:.0%}".replace("%", " %") if told else "too short",
    ]


def judged(
    intervals: dict[str, list[float | None]], samples: Sequence[RequestSample], concurrency: int
) -> dict[str, bool]:
    """Whether each interval holds the truth, in the order of the columns."""
    ttfts = [sample.ttft_s or 0.0 for sample in samples]
    error = float(np.std(ttfts, ddof=1)) / np.sqrt(len(ttfts))
    found = {
        "mean": holds(intervals["ttft_mean_s"], TTFT_SHARE),
        "mean plain": abs(fmean(ttfts) - TTFT_SHARE) <= 1.96 * error,
    }
    for percentile in (50, 90):
        truth = true_percentile(percentile)
        found[f"p{percentile}"] = holds(intervals[f"ttft_p{percentile}_s"], truth)
        found[f"p{percentile} plain"] = holds(percentile_interval(ttfts, percentile), truth)
    found["p99"] = holds(intervals["ttft_p99_s"], true_percentile(99))
    found["p99 bounded"] = intervals["ttft_p99_s"][1] is not None
    found["throughput"] = holds(intervals["output_tokens_per_s"], concurrency * TOKENS)
    return found


def holds(interval: Sequence[float | None], truth: float) -> bool:
    lower, upper = interval
    return (lower is None or lower <= truth) and (upper is None or truth <= upper)


def true_percentile(percentile: int) -> float:
    z = NormalDist().inv_cdf(percentile / 100)
    return TTFT_SHARE * float(np.exp(SIGMA * z - SIGMA**2 / 2))


if __name__ == "__main__":
    main()
