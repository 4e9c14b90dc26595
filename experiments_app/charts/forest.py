"""Regression trees over the unit cube, and how much of their variance each dimension explains.

Small enough for a page to grow them while it is asked for: a few dozen trees of some dozen points.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """Its leaves: boxes from `low` to `high` that fill the cube, and the mean in each."""

    low: Array
    high: Array
    value: Array

    def shares(self) -> Array | None:
        """The share of the variance that each dimension explains by itself; None without any."""
        sides = self.high - self.low
        volume = sides.prod(axis=1)
        mean = float(volume @ self.value)
        variance = float(volume @ self.value**2) - mean**2
        if variance <= 0:
            return None
        dimensions = range(self.low.shape[1])
        explained = [self._marginal(d, volume / sides[:, d]) - mean**2 for d in dimensions]
        found: Array = np.maximum(np.array(explained), 0.0) / variance
        return found

    def _marginal(self, dimension: int, weight: Array) -> float:
        """The mean square along one dimension, the others averaged out with `weight`."""
        low, high = self.low[:, dimension], self.high[:, dimension]
        edges = np.unique(np.concatenate([low, high]))
        covers = (low <= edges[:-1, None]) & (high >= edges[1:, None])
        return float(np.diff(edges) @ (covers @ (weight * self.value)) ** 2)


def variance_shares(points: Array, values: Array, *, trees: int, depth: int) -> Array:
    """Of each column of `points`, which lie in the unit cube: the mean over a random forest."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(trees):
        drawn = random.integers(0, len(values), len(values))
        shares = grow(points[drawn], values[drawn], depth).shares()
        if shares is not None:
            found.append(shares)
    return np.mean(found, axis=0) if found else np.zeros(points.shape[1])


def grow(points: Array, values: Array, depth: int) -> Tree:
    size = points.shape[1]
    leaves = list(_leaves(points, values, np.zeros(size), np.ones(size), depth))
    low, high, means = zip(*leaves, strict=True)
    return Tree(np.array(low), np.array(high), np.array(means))


def _leaves(
    points: Array, values: Array, low: Array, high: Array, depth: int
) -> Iterator[tuple[Array, Array, float]]:
    found = _best_split(points, values) if depth and len(values) > 1 else None
    if found is None:
        yield low, high, float(values.mean())
        return
    dimension, threshold = found
    is_left = points[:, dimension] <= threshold
    middle_high, middle_low = high.copy(), low.copy()
    middle_high[dimension] = middle_low[dimension] = threshold
    yield from _leaves(points[is_left], values[is_left], low, middle_high, depth - 1)
    yield from _leaves(points[~is_left], values[~is_left], middle_low, high, depth - 1)


def _best_split(points: Array, values: Array) -> tuple[int, float] | None:
    """The dimension and place that leave the least variance on both sides."""
    if np.ptp(values) == 0:
        return None
    order = np.argsort(points, axis=0, kind="stable")
    at = np.take_along_axis(points, order, axis=0)
    sums = np.cumsum(values[order], axis=0)
    left = np.arange(1, len(values))[:, None]
    explained = sums[:-1] ** 2 / left + (sums[-1] - sums[:-1]) ** 2 / (len(values) - left)
    explained[at[1:] <= at[:-1]] = -np.inf
    place, dimension = np.unravel_index(int(np.argmax(explained)), explained.shape)
    if explained[place, dimension] == -np.inf:
        return None
    threshold = (at[place, dimension] + at[place + 1, dimension]) / 2
    return int(dimension), float(threshold)
