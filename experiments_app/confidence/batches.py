"""Intervals of means and rates by batch means.

The requests of a level are no independent draws: those that are under way together share the
server's batch, and a slow moment slows all of them. The plain standard error takes such neighbours
for so much more evidence and comes out too small. So the level is cut into consecutive batches,
each of at least one wave (as many requests as the concurrency), which are long enough to be nearly
independent of each other, and the interval is Student's over the batches. Batch means rather than a
block bootstrap: as good for a mean, without a random number, and a closed form.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tasks_app.percentile_requests import CONFIDENCE

MOST_BATCHES = 20
"""More say little more about the variance, and are shorter, so that they depend on each other."""
FEWEST_BATCHES = 3
"""With two of them the factor of Student's interval is 12.7: it would say nothing."""

Interval = tuple[float | None, float | None]
"""Lower and upper end; None where there is no such bound."""
Floats = NDArray[np.float64]


def batch_size(requests: int, concurrency: int) -> int:
    """Whole waves, so that a server that answers in step with its users is seen as even."""
    return concurrency * max(1, math.ceil(requests / (MOST_BATCHES * concurrency)))


def batch_means(values: Sequence[float], size: int) -> Floats:
    """Of consecutive batches of `size` values; an incomplete last one is left out."""
    whole = len(values) // size
    means: Floats = np.asarray(values[: whole * size], float).reshape(whole, size).mean(axis=1)
    return means


def mean_interval(values: Sequence[float], size: int) -> Interval | None:
    """Around the mean of `values`, which stand in the order of their sending; None where there are
    too few batches to tell."""
    means = batch_means(values, size)
    if len(means) < FEWEST_BATCHES:
        return None
    half = _student(len(means)) * float(means.std(ddof=1)) / math.sqrt(len(means))
    centre = float(np.mean(values))
    return max(0.0, centre - half), centre + half


@dataclass(frozen=True)
class Answer:
    """One answered request; times in seconds from the level's beginning.

    `tokens` come from `first_s` on, the first of them then and the others evenly until `end_s`.
    """

    first_s: float
    end_s: float
    tokens: int

    def share_by(self, moments: Floats) -> Floats:
        """How much of it, 0 to 1, has come by each moment."""
        if self.end_s <= self.first_s or self.tokens < 1:
            return (moments >= self.end_s).astype(float)
        rest = np.clip((moments - self.first_s) / (self.end_s - self.first_s), 0.0, 1.0)
        came: Floats = (1 + (self.tokens - 1) * rest) / self.tokens * (moments >= self.first_s)
        return came


@dataclass(frozen=True)
class Pace:
    """The server's pace over time, batch of completions by batch: the moments at which the batches
    end, the first entry being 0, and how much of each answer had come by each moment."""

    moments: Floats
    came: Floats
    """A row an answer, a column a moment."""

    @classmethod
    def of(cls, answers: Sequence[Answer], size: int, window_s: float) -> "Pace":
        """Only batches that ended within the window of full load count."""
        ends = np.sort([answer.end_s for answer in answers])[size - 1 :: size]
        moments = np.concatenate(([0.0], ends[ends <= window_s]))
        rows = [answer.share_by(moments) for answer in answers]
        return cls(moments, np.array(rows).reshape(len(rows), len(moments)))

    @property
    def batches(self) -> int:
        return len(self.moments) - 1

    def amounts(self, weights: Sequence[float]) -> Floats:
        """What came within each batch's time, an answer counting as its weight."""
        amounts: Floats = np.diff(np.asarray(weights, float) @ self.came)
        return amounts

    def rates(self, weights: Sequence[float]) -> Floats:
        rates: Floats = self.amounts(weights) / np.diff(self.moments)
        return rates

    def interval(self, weights: Sequence[float], rate: float) -> Interval | None:
        """Around `rate`, the level's; as relative as that of the ratio of amount to time is."""
        if self.batches < FEWEST_BATCHES:
            return None
        amounts, lengths = self.amounts(weights), np.diff(self.moments)
        mean = float(amounts.sum() / lengths.sum())
        if mean <= 0:
            return None
        residuals = amounts - mean * lengths
        error = math.sqrt(self.batches * float(residuals @ residuals) / (self.batches - 1))
        half = _student(self.batches) * error / float(amounts.sum()) * rate
        return max(0.0, rate - half), rate + half


def _student(batches: int) -> float:
    return float(stdtrit(batches - 1, (1 + CONFIDENCE) / 2))
