"""A Gaussian process for few results: an average over many settings instead of one best fit.

With five results no setting of a kernel can be fitted: the most likely one is far too sure. So a
population of settings is drawn from a prior, each is weighted by how well it explains the results,
and predictions are averaged with these weights.

What is modelled is the logarithm of a score, so that a deviation of 0.1 is about 10 %. The
covariance of two configurations of one task is the sum of an additive part (each flag acts by
itself; flags differ in relevance), a product (only what is alike in all flags acts alike), the
known trends (`trends.py`) with a slope of their own, and a level common to the task. Between tasks
it is smaller, as far as these are unlike.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from tasks_app.strategies.encoding import Matrix

Vector = NDArray[np.floating[Any]]

JITTER = 1e-6
AVERAGED = 16
"""The most likely settings that a prediction is averaged over, at most."""
NEGLIGIBLE = 5.0
"""Settings whose likelihood is smaller than the highest by more than this (a logarithm) are left
out."""
PAST_COUNTS_AS = 40
"""However many results of other tasks there are, they say no more than so many about which
settings are likely: the task at hand has to be able to outvote them."""


@dataclass(frozen=True)
class Setting:
    """One member of the population.

    `own` is the share in which every task differs from any other, `shared` the correlation of
    tasks that have nothing in common.
    """

    amplitude: float
    relevance: Vector
    lengths: Vector
    interaction: float
    noise: float
    trend: float
    own: float
    shared: float


TREND_SPREAD = 0.15
"""Deviation of a trend's slope from the expected one."""


@dataclass(frozen=True)
class Prior:
    """What is expected of a quantity: medians of its spread and of the distance over which flags
    act alike, and the slopes of the known trends."""

    amplitude: float
    length: float
    slopes: tuple[float, float] = (0.0, 0.0)


def draw_settings(prior: Prior, count: int, groups: int, rng: np.random.Generator) -> list[Setting]:
    return [
        Setting(
            amplitude=math.exp(rng.normal(math.log(prior.amplitude), 0.5)),
            relevance=rng.dirichlet(np.ones(groups)),
            lengths=np.exp(rng.normal(math.log(prior.length), 0.5, groups)),
            interaction=rng.uniform(0.05, 0.5),
            noise=math.exp(rng.normal(math.log(0.06), 0.7)),
            trend=rng.choice([0.0, 0.5, 1.0, 1.5]),
            own=rng.uniform(0.02, 0.15),
            shared=rng.uniform(0.7, 0.98),
        )
        for _ in range(count)
    ]


@dataclass(frozen=True)
class Inputs:
    """Configurations: coordinates a flag, known trends, and the number of the task of each."""

    groups: Sequence[Matrix]
    trends: Matrix
    tasks: NDArray[np.int_]

    def rows(self, which: slice | NDArray[np.int_]) -> "Inputs":
        return Inputs(
            [group[which] for group in self.groups], self.trends[which], self.tasks[which]
        )


@dataclass(frozen=True)
class Values:
    """What is known at the first configurations: those of past tasks (`past` of them) first.

    `noise` is the standard deviation of each beyond that of a measurement; `level` that of what
    all configurations of a task have in common.
    """

    values: Vector
    noise: Vector
    past: int
    level: float


@dataclass(frozen=True)
class Prediction:
    """A row a setting, a column a configuration; the settings' `weights` sum to 1."""

    mean: Matrix
    deviation: Matrix
    weights: Vector


def predict(
    inputs: Inputs,
    known: Values,
    alike: Matrix,
    slopes: Sequence[float],
    settings: Sequence[Setting],
) -> Prediction:
    """For the configurations that come after the known ones. `alike` holds the likeness of every
    two tasks, from 0 to 1; the slopes are those of the trends."""
    wanted = inputs.rows(slice(len(known.values), None))
    means, deviations, weights = [], [], []
    for weight, setting, mean, spread in _posteriors(inputs, known, alike, slopes, settings):
        prior = _variance(setting, wanted.trends) + known.level**2
        means.append(mean)
        deviations.append(np.sqrt(np.maximum(prior - (spread**2).sum(axis=0), 1e-10)))
        weights.append(weight)
    return Prediction(np.array(means), np.array(deviations), np.array(weights))


def sample(
    inputs: Inputs,
    known: Values,
    alike: Matrix,
    slopes: Sequence[float],
    settings: Sequence[Setting],
    *,
    count: int,
    rng: np.random.Generator,
) -> Matrix:
    """About `count` joint draws (a row each) of what would be measured, noise included, at the
    configurations after the known ones; arguments as for `predict`."""
    wanted = inputs.rows(slice(len(known.values), None))
    kernel = _Kernel(wanted, wanted, alike, known.level)
    rows = []
    for weight, setting, mean, spread in _posteriors(inputs, known, alike, slopes, settings):
        covariance = kernel(setting) - spread.T @ spread
        covariance[np.diag_indices_from(covariance)] += setting.noise**2 + JITTER
        factor = np.linalg.cholesky(covariance)
        draws = rng.standard_normal((max(1, round(count * weight)), len(mean)))
        rows.append(mean + draws @ factor.T)
    joined: Matrix = np.concatenate(rows)
    return joined


def _posteriors(
    inputs: Inputs,
    known: Values,
    alike: Matrix,
    slopes: Sequence[float],
    settings: Sequence[Setting],
) -> Iterator[tuple[float, Setting, Vector, Matrix]]:
    """The likely settings, each with its weight, the mean of the wanted configurations, and how
    these are tied to the known ones (the prior covariance less its square is the posterior's)."""
    count = len(known.values)
    left, wanted = inputs.rows(slice(0, count)), inputs.rows(slice(count, None))
    trend = inputs.trends @ np.array(slopes, dtype=float)
    kernel = _Kernel(left, left, alike, known.level)
    fits = [_fit(kernel, known, trend[:count], setting) for setting in settings]
    logs = np.array([log for log, _, _ in fits])
    chosen = np.argsort(-logs, kind="stable")[:AVERAGED]
    chosen = chosen[logs[chosen] > logs[chosen[0]] - NEGLIGIBLE]
    weights = np.exp(logs[chosen] - logs[chosen[0]])
    weights /= weights.sum()
    cross = _Kernel(left, wanted, alike, known.level)
    for weight, index in zip(weights, chosen, strict=True):
        setting, (_, factor, residual) = settings[index], fits[index]
        spread = _solve(factor, cross(setting))
        yield weight, setting, spread.T @ residual + setting.trend * trend[count:], spread


def _fit(
    kernel: "_Kernel", known: Values, trend: Vector, setting: Setting
) -> tuple[float, Matrix, Vector]:
    """Log of the likelihood, Cholesky factor, and what it makes of the values."""
    covariance = kernel(setting)
    noise = setting.noise**2 + known.noise**2 + JITTER
    covariance[np.diag_indices_from(covariance)] += noise
    factor = np.linalg.cholesky(covariance)
    residual = _solve(factor, known.values - setting.trend * trend)
    logs = -0.5 * residual**2 - np.log(np.diag(factor))
    past, own = logs[: known.past].sum(), logs[known.past :].sum()
    return float(own + past * min(1.0, PAST_COUNTS_AS / max(1, known.past))), factor, residual


def _solve(factor: Matrix, right: Matrix) -> Matrix:
    solved: Matrix = solve_triangular(factor, right, lower=True, check_finite=False)
    return solved


def _variance(setting: Setting, trends: Matrix) -> Vector:
    spread: Vector = setting.amplitude**2 + TREND_SPREAD**2 * (trends**2).sum(axis=1)
    return spread


class _Kernel:
    """Covariances of two sets of configurations, for any setting.

    What depends on the configurations is worked out once for equal ones: past tasks share many.
    """

    def __init__(self, left: Inputs, right: Inputs, alike: Matrix, level: float) -> None:
        rows, self._rows = _distinct(left)
        columns, self._columns = _distinct(right)
        self._squares = np.stack(
            [_squares(a, b) for a, b in zip(rows.groups, columns.groups, strict=True)]
        )
        self._trends = rows.trends @ columns.trends.T
        self._same_task = left.tasks[:, None] == right.tasks[None, :]
        self._alike = alike[np.ix_(left.tasks, right.tasks)]
        self._level = level

    def __call__(self, setting: Setting) -> Matrix:
        relevance = setting.relevance
        scaled = self._squares / (2 * setting.lengths**2)[:, None, None]
        additive = np.tensordot(relevance, np.exp(-scaled), axes=1)
        product = np.exp(-np.tensordot(len(relevance) * relevance, scaled, axes=1))
        mixed = (1 - setting.interaction) * additive + setting.interaction * product
        acting = setting.amplitude**2 * mixed + TREND_SPREAD**2 * self._trends
        between = (1 - setting.own) * (setting.shared + (1 - setting.shared) * self._alike)
        covariance: Matrix = acting[np.ix_(self._rows, self._columns)]
        covariance *= np.where(self._same_task, 1.0, between)
        covariance += self._level**2 * self._same_task
        return covariance


def _distinct(inputs: Inputs) -> tuple[Inputs, NDArray[np.int_]]:
    """The configurations that differ, and where among them each one is."""
    together = np.hstack([*inputs.groups, inputs.trends])
    _, first, index = np.unique(together, axis=0, return_index=True, return_inverse=True)
    return inputs.rows(first), index.reshape(-1)


def _squares(left: Matrix, right: Matrix) -> Matrix:
    difference = left[:, None, :] - right[None, :, :]
    squared: Matrix = np.einsum("ijk,ijk->ij", difference, difference)
    return squared
