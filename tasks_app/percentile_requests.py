"""How many requests a percentile needs before anything can be said about it."""

import math

CONFIDENCE = 0.95


def percentile_of(figure: str) -> int | None:
    """99 for `ttft_p99_s`; None for a mean or a rate."""
    statistic = figure.removesuffix("_s").rpartition("_")[2]
    return int(statistic[1:]) if statistic[:1] == "p" and statistic[1:].isdigit() else None


def requests_needed(percentile: float, confidence: float = CONFIDENCE) -> int:
    """The fewest requests whose slowest one bounds the percentile from above: 299 for p99 at 95 %.

    All n requests are faster than the percentile with probability (percentile / 100)^n; only where
    that is at most 1 - confidence is the slowest of them an upper bound.
    """
    return math.ceil(math.log(1 - confidence) / math.log(percentile / 100))
