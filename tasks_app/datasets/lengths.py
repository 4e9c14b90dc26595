"""How long the prompts and answers of a data set are."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

BINS = 20
COUNTED = 1_000
"""Of so many rows, evenly spread, the tokens are counted."""
QUANTILES = {"p10": 10, "p50": 50, "p90": 90, "p99": 99}


def summary(lengths: Sequence[int]) -> dict[str, Any]:
    """`{count, min, p10, p50, p90, p99, max, mean, bins: [[from, to, count]]}`; bins end at p99,
    the last holds what is longer."""
    values = np.asarray(lengths, dtype=np.int64)
    found: dict[str, Any] = {"count": len(values), "min": int(values.min())}
    for name, percent in QUANTILES.items():
        found[name] = round(float(np.percentile(values, percent)))
    found |= {"max": int(values.max()), "mean": round(float(values.mean()), 1)}
    highest = max(found["p99"], found["min"] + 1)
    width = max(1, -(-(highest - found["min"]) // BINS))
    at = np.minimum((values - found["min"]) // width, BINS - 1)
    counts = np.bincount(at, minlength=1)
    last = len(counts) - 1
    found["bins"] = [
        [
            found["min"] + n * width,
            found["max"] if n == last else found["min"] + (n + 1) * width - 1,
            int(count),
        ]
        for n, count in enumerate(counts)
    ]
    return found


def token_lengths(
    texts: Sequence[str], count: Callable[[Sequence[str]], Sequence[int]]
) -> dict[str, Any] | None:
    """The summary over at most COUNTED of them; None without any."""
    step = max(1, -(-len(texts) // COUNTED))
    some = texts[::step]
    return summary(count(some)) if some else None
