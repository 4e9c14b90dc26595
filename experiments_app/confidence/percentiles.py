"""Intervals of percentiles, and of the error rate, without any assumption about the distribution.

Of n independent requests the number below the true percentile is binomial. So the order statistics
between which it lies with 95 % are known whatever the latencies look like. Where there are too few
requests no order statistic is large enough, and then there is no upper bound.

Requests that depend on each other are worth fewer independent ones; how many is estimated from how
much the number of slow ones differs between batches of requests, where it does so by more than
chance. Without that correction one hiccup that slows eight requests at once would count as eight.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr, bdtrc, betaincinv

from experiments_app.confidence.batches import Interval
from tasks_app.percentile_requests import CONFIDENCE

SHUFFLES = 399
CHANCE = 0.05
"""Dependence is believed where at most this share of random orders differ as much."""
SEEN_AT = 90
"""Further out too few requests are slow to see whether they come together."""
FEWEST_BATCHES = 5
SEED = 0


def ranks(requests: int, percentile: float) -> tuple[int | None, int | None]:
    """The order statistics, counted from 1, that hold the percentile between them.

    2.5 % lie beyond each end. Where the slowest request bounds the percentile by less than that,
    but by 95 %, it is taken, and the lower end has what is left of the 5 %.
    """
    p, beyond = percentile / 100, 1 - CONFIDENCE
    every = np.arange(1, requests + 1)
    above = bdtrc(every - 1, requests, p)  # P(at least `rank` are below the percentile)
    below = bdtr(every - 1, requests, p)  # P(fewer than `rank` are below it)
    slowest = p**requests
    upper = next((int(r) for r in every[above <= beyond / 2]), None)
    if upper is None and slowest <= beyond:
        upper = requests
    left = beyond / 2 if upper is None else min(beyond / 2, beyond - slowest)
    lower = max((int(r) for r in every[below <= left]), default=None)
    return lower, upper


def percentile_interval(
    values: Sequence[float], percentile: float, independent: int | None = None
) -> Interval:
    """`independent`: how many independent requests the values are worth; all of them by default."""
    count = len(values)
    if not count:
        return None, None
    worth = min(independent or count, count)
    lower, upper = ranks(worth, percentile)
    ordered = np.sort(values)
    scale = (count + 1) / (worth + 1)
    return (
        float(ordered[max(math.floor(lower * scale), 1) - 1]) if lower else None,
        float(ordered[min(math.ceil(upper * scale), count) - 1]) if upper else None,
    )


def independent_requests(values: Sequence[float], percentile: float, size: int) -> int:
    """How many independent requests these are worth for that percentile; they stand in the order
    of their sending, and `size` of them make a batch."""
    return min(_worth(values, seen_at, size) for seen_at in {percentile, min(percentile, SEEN_AT)})


def _worth(values: Sequence[float], percentile: float, size: int) -> int:
    count, batches = len(values), len(values) // size
    slow = np.asarray(values) > np.percentile(values, percentile)
    if batches < FEWEST_BATCHES or size < 2 or slow.sum() < 2:
        return count
    slow = slow[: batches * size]
    expected = size * slow.mean() * (1 - slow.mean())
    if expected <= 0:
        return count
    found = slow.reshape(batches, size).sum(axis=1).var(ddof=1)
    chance = np.random.default_rng(SEED).multivariate_hypergeometric(
        [size] * batches, int(slow.sum()), size=SHUFFLES, method="marginals"
    )
    as_uneven = int((chance.var(axis=1, ddof=1) >= found).sum())
    if (1 + as_uneven) / (1 + SHUFFLES) > CHANCE:
        return count
    return max(1, math.floor(count * min(1.0, float(expected / found))))


def share_interval(hits: int, count: int) -> Interval:
    """Of a share of requests, as the error rate is one (Clopper and Pearson)."""
    beyond = (1 - CONFIDENCE) / 2
    lower = float(betaincinv(hits, count - hits + 1, beyond)) if hits else 0.0
    upper = float(betaincinv(hits + 1, count - hits, 1 - beyond)) if hits < count else 1.0
    return lower, upper
