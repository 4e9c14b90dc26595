"""Searches for the front of several objectives.

`auto`: a model of each objective as in the search for one. The next configuration is the one that
is expected to add most to the hypervolume, times the probability that it is feasible. The
hypervolume is the mean over random directions of how far the front reaches in each (Golovin
and Zhang 2020, "Random hypervolume scalarizations for provable multi-objective black box
optimization"), so that the same few lines do for two objectives and for three.

`bayesian`: Optuna's multi-objective TPE.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks_app.space import Configuration, SearchSpace
from tasks_app.spec_sections import objective_is_maximised
from tasks_app.strategies import bayesian
from tasks_app.strategies.base import Memory, Proposal, Search, Strategy, Trial
from tasks_app.strategies.candidates import choose_among
from tasks_app.strategies.encoding import Matrix
from tasks_app.strategies.gaussian import Prediction, Vector
from tasks_app.strategies.weighing import Weighing

FIRST_LOOK = "a first look, between the objectives"
FRONT = "expected to add most to the front"
DIRECTIONS = 64
DRAWS = 64
MARGIN = 0.1
"""How far below the worst of what is known the reference point lies, as a share of the spread."""
LEAST_SPREAD = 0.05
"""Of logarithms: below this, objectives do not differ."""


@dataclass(frozen=True)
class Auto:
    """`auto` for several objectives, by their names in a task file."""

    objectives: Sequence[str]

    def propose(
        self, space: SearchSpace, history: Sequence[Trial], search: Search
    ) -> Proposal | None:
        def choose(
            own: Sequence[Trial], left: Sequence[Configuration], rng: random.Random
        ) -> Proposal:
            weighings = [
                Weighing(
                    space,
                    left,
                    [self._of_one(trial, name) for trial in own],
                    Memory(search.memory.facts),
                    (rng.getrandbits(32), rng.getrandbits(32)),
                    objective_is_maximised(name),
                )
                for name in self.objectives
            ]
            worth = self._worth(weighings, own, np.random.default_rng(rng.getrandbits(32)))
            feasible = replace(weighings[0], memory=search.memory).feasible
            if feasible is not None:
                worth = worth * feasible
            reason = FIRST_LOOK if weighings[0].scores.best is None else FRONT
            return Proposal(left[int(np.argmax(worth))], reason)

        return choose_among(space, history, search, choose)

    def _worth(
        self, weighings: Sequence[Weighing], own: Sequence[Trial], rng: np.random.Generator
    ) -> Vector:
        logs = np.array([row for trial in own if (row := self._logs(trial)) is not None])
        if not len(logs):
            product: Vector = np.prod([w.worth for w in weighings], axis=0)
            return product
        drawn = np.stack([_draws(w.prediction, rng) for w in weighings], axis=2)
        return expected_gain(logs - logs.mean(axis=0), drawn, rng)

    def _of_one(self, trial: Trial, name: str) -> Trial:
        """The trial as the search for one objective knows it; what lacks one has none."""
        known = trial.scores[name] if self._logs(trial) is not None else None
        return replace(trial, score=known, bound=None)

    def _logs(self, trial: Trial) -> list[float] | None:
        """Logarithms so that more is better, as the models have them."""
        if trial.status != "success" or trial.feasible is False:
            return None
        values = [trial.scores.get(name, 0.0) for name in self.objectives]
        if not all(0 < value < math.inf for value in values):
            return None
        named = zip(self.objectives, values, strict=True)
        return [math.log(v) if objective_is_maximised(name) else -math.log(v) for name, v in named]


@dataclass(frozen=True)
class Bayesian:
    """Multi-objective TPE."""

    objectives: Sequence[str]

    def propose(
        self, space: SearchSpace, history: Sequence[Trial], search: Search
    ) -> Proposal | None:
        return bayesian.propose(space, history, search, self.objectives)


FOR_SEVERAL: Mapping[str, Callable[[Sequence[str]], Strategy]] = {
    "auto": Auto,
    "bayesian": Bayesian,
}
"""The strategies that search otherwise for several objectives than for one."""


def expected_gain(observed: Matrix, drawn: Matrix, rng: np.random.Generator) -> Vector:
    """The hypervolume that each candidate is expected to add, up to a factor.

    `observed`: results × objectives; `drawn`: draws × candidates × objectives, both so that more
    is better.
    """
    highest, lowest = observed.max(axis=0), observed.min(axis=0)
    spread = np.maximum(highest - lowest, LEAST_SPREAD)
    reference = lowest - MARGIN * spread
    directions = np.abs(rng.normal(size=(DIRECTIONS, observed.shape[1])))
    directions = np.maximum(directions / np.linalg.norm(directions, axis=1, keepdims=True), 1e-3)
    reached = _reach((observed - reference) / spread, directions).max(axis=0)
    gains = np.zeros(drawn.shape[1])
    for draw in drawn:
        gains += np.maximum(_reach((draw - reference) / spread, directions) - reached, 0).mean(1)
    return gains / len(drawn) + 1e-15


def _reach(values: Matrix, directions: Matrix) -> Matrix:
    """How far each of `values` (n × objectives) reaches in each direction: n × directions."""
    ratios = np.maximum(values, 0)[:, None, :] / directions[None, :, :]
    reach: Matrix = ratios.min(axis=2) ** values.shape[1]
    return reach


def _draws(prediction: Prediction, rng: np.random.Generator) -> Matrix:
    """Of every candidate's value: draws × candidates."""
    settings = rng.choice(len(prediction.weights), size=DRAWS, p=prediction.weights)
    noise = rng.normal(size=(DRAWS, prediction.mean.shape[1]))
    drawn: Matrix = prediction.mean[settings] + noise * prediction.deviation[settings]
    return drawn
