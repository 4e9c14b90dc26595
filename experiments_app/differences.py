"""How configurations compare that were measured a few times each, in turn. Pure functions.

Every execution starts the engine anew and gives one score. Scores are positive and differ by
shares, so their logarithms are compared: a difference of logarithms is a ratio of geometric means
(Fleming and Wallace, "How not to lie with statistics", CACM 29, 1986). `Reading.value` is the
logarithm, turned so that more is better.

- **The model** is `value = configuration + noise`, or `configuration + round + noise` where the
  rounds must be told apart, by least squares: a randomised block design (Montgomery, Design and
  Analysis of Experiments, ch. 4). The noise is one figure for all configurations and rounds. Each
  round holds every configuration and every second one is measured in the opposite order, so that
  what changes with time, evenly or from round to round, is common to all. The effect of the round
  costs a degree of freedom for each of them: with fewer than `BLOCKED_FROM` rounds that costs more
  than it gives, and the rounds are left in the noise, which makes intervals wider and no error
  likelier. A configuration that was not in all rounds always has them told apart.
- **The interval** of a difference is Student's t interval with the degrees of freedom of the
  noise; among several leaders the level is divided by their number (Bonferroni).
- **Looking after each round** spends the 5 % as Lan and DeMets have it (Biometrika 70, 1983),
  with the spending function that is like O'Brien and Fleming's, on either side: little early,
  most at the last look. The intervals are repeated confidence intervals (Jennison and Turnbull,
  JRSS B 51, 1989): they hold at all looks together.
- **What matters**: one is better only where the whole interval lies beyond `MATTERS`. That is the
  rule of criterion, whose noise threshold is 1 %, too.

What others do: hyperfine measures all runs of one command before those of the other, so that a
drift looks like a difference, and compares means by the standard deviations alone. criterion
bootstraps the samples of one process: with three to five values such intervals are far too
narrow. MLPerf inference prescribes how long a run is and compares none.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

LEVEL = 0.05
"""The chance that an interval, looked at after each round, ever leaves out the true difference."""
MATTERS = 0.01
"""The smallest difference that is called one, as a share."""
FEWEST_ROUNDS = 2
BLOCKED_FROM = 6
_STEPS = 401

Floats = NDArray[np.float64]


class Reading(NamedTuple):
    """What one execution gave: the logarithm of its score, more being better."""

    number: int
    round: int
    value: float


@dataclass(frozen=True)
class Noise:
    """The standard deviation of a reading, known with so many degrees of freedom."""

    sd: float
    df: int

    def half_width(self, factor: float, level: float = LEVEL) -> float:
        """Of the interval of a value whose standard error is `factor` times the noise."""
        if self.df == 0:
            return math.inf
        return float(stdtrit(self.df, 1 - level / 2)) * self.sd * factor


@dataclass(frozen=True)
class Difference:
    """By how much one is better than another, as a difference of logarithms ± `half_width`."""

    value: float
    half_width: float

    @property
    def is_told(self) -> bool:
        """The first is better beyond noise, by more than what does not matter."""
        return self.value - self.half_width > math.log1p(MATTERS)

    @property
    def is_none(self) -> bool:
        """Whatever the difference is, it does not matter."""
        return abs(self.value) + self.half_width <= math.log1p(MATTERS)

    @property
    def gain(self) -> float:
        return math.expm1(self.value)

    @property
    def gain_ci95(self) -> tuple[float, float] | None:
        """None where nothing is known of the noise."""
        if not math.isfinite(self.half_width):
            return None
        high = min(self.value + self.half_width, 50.0)
        return math.expm1(self.value - self.half_width), math.expm1(high)


class Comparison:
    """What the readings of all rounds tell. `level`: of the intervals; `earlier`: what is known
    of the noise besides."""

    def __init__(
        self, readings: Sequence[Reading], *, level: float = LEVEL, earlier: Noise | None = None
    ) -> None:
        self._level = level
        self._readings = readings
        self._numbers = sorted({one.number for one in readings})
        rounds = sorted({one.round for one in readings})
        whole = len(readings) == len(self._numbers) * len(rounds)
        columns = [[float(one.number == number) for one in readings] for number in self._numbers]
        if not whole or len(rounds) >= BLOCKED_FROM:
            columns += [[float(one.round == at) for one in readings] for at in rounds[1:]]
        design = np.array(columns).T
        values = np.array([one.value for one in readings])
        self._inverse = np.linalg.pinv(design.T @ design)
        self._effects: Floats = self._inverse @ design.T @ values
        squares = float(np.sum((values - design @ self._effects) ** 2))
        df = len(values) - int(np.linalg.matrix_rank(design))
        self.noise = pooled(_noise(squares, df), earlier)

    def mean(self, number: int) -> float:
        """Of its own readings."""
        return float(np.mean([one.value for one in self._readings if one.number == number]))

    def times(self, number: int) -> int:
        return sum(one.number == number for one in self._readings)

    def half_width_of_mean(self, number: int) -> float:
        return self.noise.half_width(1 / math.sqrt(self.times(number)))

    def difference(self, of: int, over: int) -> Difference:
        """By how much `of` is better than `over`."""
        contrast = np.zeros(len(self._effects))
        contrast[self._numbers.index(of)] += 1
        contrast[self._numbers.index(over)] -= 1
        variance = max(float(contrast @ self._inverse @ contrast), 0.0)
        half_width = self.noise.half_width(math.sqrt(variance), self._level) if variance else 0.0
        return Difference(float(contrast @ self._effects), half_width)


def level_of_look(rounds: int, planned: int) -> float:
    """Of the intervals that are looked at after so many rounds of those planned.

    The share of `LEVEL` that the spending function grants this look, turned into the nominal level
    of a normal statistic that is looked at repeatedly, and used for Student's t as well (the
    significance level approach of Jennison and Turnbull, Group Sequential Methods, 2000, ch. 3.8).
    """
    return _nominal_levels(max(planned, rounds, FEWEST_ROUNDS))[
        max(rounds, FEWEST_ROUNDS) - FEWEST_ROUNDS
    ]


@lru_cache
def _nominal_levels(planned: int) -> tuple[float, ...]:
    """For the looks after `FEWEST_ROUNDS`, …, `planned` rounds.

    The distribution of the running sum, of those trials that have crossed no boundary yet, is
    carried from look to look by numerical integration (Armitage, McPherson and Rowe, JRSS A 132,
    1969).
    """
    from scipy.optimize import brentq  # takes longer to import than the rest of this site

    quantile = -ndtri(LEVEL / 4)
    levels: list[float] = []
    spent, before = 0.0, 0
    grid, density = np.zeros(1), np.ones(1)
    for rounds in range(FEWEST_ROUNDS, planned + 1):
        allowed = float(4 * ndtr(-quantile / math.sqrt(rounds / planned)))
        step = math.sqrt(rounds - before)
        bound = brentq(
            lambda bound, left, *now: _crossing(bound, *now) - left,
            0.1,
            40.0 * math.sqrt(rounds),
            args=(allowed - spent, grid, density, step),
        )
        levels.append(float(2 * ndtr(-bound / math.sqrt(rounds))))
        reached = np.linspace(-bound, bound, _STEPS)
        moved = _density((reached[:, None] - grid[None, :]) / step) / step
        grid, density = reached, (moved @ density) * (reached[1] - reached[0])
        spent, before = allowed, rounds
    return tuple(levels)


def _crossing(bound: float, grid: Floats, density: Floats, step: float) -> float:
    """How many of the trials whose sum is spread so cross ±bound with the next step."""
    beyond = ndtr((grid - bound) / step) + ndtr((-bound - grid) / step)
    return float(density @ beyond)


def _density(values: Floats) -> Floats:
    """Of the normal distribution."""
    return np.exp(-(values**2) / 2) / math.sqrt(2 * math.pi)


def noise_of(values: Sequence[float]) -> Noise | None:
    """Of readings that should be alike; None for a single one."""
    if len(values) < 2:
        return None
    return Noise(float(np.std(values, ddof=1)), len(values) - 1)


def _noise(squares: float, df: int) -> Noise | None:
    return Noise(math.sqrt(max(squares, 0.0) / df), df) if df > 0 else None


def pooled(*noises: Noise | None) -> Noise:
    """All that is known of the same noise."""
    known: Iterable[Noise] = [noise for noise in noises if noise is not None]
    df = sum(noise.df for noise in known)
    squares = sum(noise.sd**2 * noise.df for noise in known)
    return _noise(squares, df) or Noise(0.0, 0)
