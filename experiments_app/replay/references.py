"""Simple strategies that ours are compared with; each measures every experiment at every level.

They see the listed candidates of a finite space and choose among those that are left.
"""

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tasks_app.domains import Choices, same_value
from tasks_app.space import Configuration, SearchSpace, configuration_key
from tasks_app.strategies import Proposal, Search, Strategy, Trial, bayesian, random_search, reasons
from tasks_app.strategies.base import tried
from tasks_app.strategies.nearest import nearest

STARTUP_TRIALS = 5


class _Reference:
    """Random candidates without replacement until `start` trials are there, then `choose`."""

    start: float = STARTUP_TRIALS

    def propose(
        self, space: SearchSpace, history: Sequence[Trial], search: Search
    ) -> Proposal | None:
        seen = tried(space, history)
        left = [c for c in space.configurations() if configuration_key(c) not in seen]
        if not left:
            return None
        rng = random_search.step_rng(search.seed, seen)
        if len(seen) < self.start:
            return Proposal(rng.choice(left), reasons.RANDOM_DRAW)
        step = replace(search, seed=rng.getrandbits(31))
        return Proposal(self.choose(space, history, left, step), type(self).__name__)

    def choose(
        self,
        space: SearchSpace,
        history: Sequence[Trial],
        left: Sequence[Configuration],
        step: Search,
    ) -> Configuration:
        """Of `left`; the seed of `step` is of this step alone."""
        raise NotImplementedError


class RandomOrder(_Reference):
    start = math.inf


class GridOrder(_Reference):
    """Line by line, the last flag fastest, values in the order in which they are listed."""

    start = 0

    def choose(
        self,
        space: SearchSpace,
        history: Sequence[Trial],
        left: Sequence[Configuration],
        step: Search,
    ) -> Configuration:
        values = {name: list(domain.values() or ()) for name, domain in space.parameters.items()}
        return min(left, key=lambda c: [_rank(values[name], c[name]) for name in values])


class OptunaTpe(_Reference):
    """Multivariate TPE; what it asks for is moved to the nearest candidate that is left."""

    def choose(
        self,
        space: SearchSpace,
        history: Sequence[Trial],
        left: Sequence[Configuration],
        step: Search,
    ) -> Configuration:
        wanted = next(bayesian.asks(space, history, seed=step.seed, maximise=step.maximise))
        return nearest(wanted, left, space.parameters)


class GpExpectedImprovement(_Reference):
    """scikit-learn's Gaussian process, Matérn 5/2, expected improvement.

    What has no score is told as the worst score so far.
    """

    def choose(
        self,
        space: SearchSpace,
        history: Sequence[Trial],
        left: Sequence[Configuration],
        step: Search,
    ) -> Configuration:
        from scipy.stats import norm
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import Matern, WhiteKernel

        sign = 1 if step.maximise else -1
        known = [sign * trial.score for trial in history if trial.score is not None]
        if not known:
            return random.Random(step.seed).choice(left)  # noqa: S311
        told = [min(known) if t.score is None else sign * t.score for t in history]
        model = GaussianProcessRegressor(
            Matern(nu=2.5) + WhiteKernel(1e-3, (1e-6, 1.0)),
            normalize_y=True,
            random_state=step.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(_one_hot(space, [t.parameters for t in history]), told)
        mean, deviation = model.predict(_one_hot(space, left), return_std=True)
        better = mean - max(known)
        ratio = better / np.maximum(deviation, 1e-12)
        gain = better * norm.cdf(ratio) + deviation * norm.pdf(ratio)
        return left[int(np.argmax(gain))]


def _features(
    space: SearchSpace, configurations: Sequence[Mapping[str, object]]
) -> NDArray[np.float64]:
    """Each value as its rank among the values of its flag."""
    columns = []
    for name, domain in space.parameters.items():
        values = list(domain.values() or ())
        if all(type(value) in {int, float} for value in values):
            values.sort(key=float)  # type: ignore[arg-type]
        columns.append([_rank(values, c[name]) for c in configurations])
    return np.array(columns, dtype=float).T


def _rank(values: Sequence[object], value: object) -> int:
    return next(i for i, v in enumerate(values) if same_value(v, value))  # type: ignore[arg-type]


def _one_hot(
    space: SearchSpace, configurations: Sequence[Mapping[str, object]]
) -> NDArray[np.float64]:
    """Numbers as their rank from 0 to 1, categories as a column a value."""
    ranks = _features(space, configurations)
    columns = []
    for index, domain in enumerate(space.parameters.values()):
        size = len(domain.values() or ())
        is_ordered = not isinstance(domain, Choices) or all(
            type(option) in {int, float} for option in domain.options
        )
        if is_ordered:
            columns.append(ranks[:, index] / max(1, size - 1))
        else:
            columns += [(ranks[:, index] == value).astype(float) for value in range(size)]
    return np.stack(columns, axis=1)


REFERENCES: Mapping[str, Strategy] = {
    "random": RandomOrder(),
    "grid_order": GridOrder(),
    "optuna_tpe": OptunaTpe(),
    "gp_ei": GpExpectedImprovement(),
}
