"""How much each candidate is worth to `auto`: what is expected of it, how sure that is, and how
likely it is to be feasible."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from tasks_app.space import Configuration, SearchSpace
from tasks_app.strategies import evidence, trends
from tasks_app.strategies.base import Memory, Trial
from tasks_app.strategies.encoding import Encoding, Matrix
from tasks_app.strategies.evidence import INFEASIBLE, Evidence
from tasks_app.strategies.gaussian import Inputs, Prediction, Prior, Vector, draw_settings, predict

SETTINGS = 48
FEWEST_SETTINGS = 12
FULL_UP_TO = 140
"""Results up to which all settings are weighed; with more, that takes long."""
AMPLITUDE = 0.7
LENGTH = 0.5
FEASIBILITY = Prior(amplitude=1.0, length=0.4)
"""A border is sharper than a score."""
WORTH_HAVING = 0.02
"""Improvements below this are of no interest."""
FEW_LEFT = 20
CENTRALITY = 0.02
"""How much being far from the middle counts against a first configuration: little, so that it
decides only where nothing else does."""


@dataclass(frozen=True)
class Weighing:
    """The candidates in the light of the run's own trials and of other tasks.

    `seeds`: of the draws of settings for the score's model and for that of feasibility.
    """

    space: SearchSpace
    candidates: Sequence[Configuration]
    own: Sequence[Trial]
    memory: Memory
    seeds: tuple[int, int]
    maximise: bool

    @cached_property
    def chosen(self) -> int:
        worth = self.worth if self.feasible is None else self.worth * self.feasible
        return int(np.argmax(worth))

    @cached_property
    def scores(self) -> Evidence:
        return evidence.scores(self.own, self.memory, maximise=self.maximise)

    @cached_property
    def prior(self) -> Prior:
        return Prior(AMPLITUDE, LENGTH, trends.slopes(maximise=self.maximise))

    @cached_property
    def prediction(self) -> Prediction:
        """Of the logarithm of each candidate's score, more being better."""
        return self.predict(self.scores, self.prior, self.candidates, self.seeds[0])

    @cached_property
    def worth(self) -> Vector:
        """Of each candidate if it is feasible."""
        worth = worth_of(self.prediction, self.scores.best, self.count)
        if self.scores.best is None:
            worth = worth * np.exp(-CENTRALITY * _eccentricity(self.space, self.candidates))
        return worth

    @cached_property
    def feasible(self) -> Vector | None:
        """How likely that is; None where nothing was infeasible."""
        known = evidence.feasibility(self.own, self.memory)
        if known is None:
            return None
        return _probability(self.predict(known, FEASIBILITY, self.candidates, self.seeds[1]))

    @property
    def count(self) -> int:
        return len(self.candidates)

    def forgetful(self) -> "Weighing":
        """The same without other tasks."""
        return replace(self, memory=Memory(self.memory.facts))

    def deviations(self, configurations: Sequence[Configuration]) -> Vector:
        """How unsure the model of the score is of each."""
        return _overall_deviation(
            self.predict(self.scores, self.prior, configurations, self.seeds[0])
        )

    def predict(
        self, known: Evidence, prior: Prior, wanted: Sequence[Configuration], seed: int
    ) -> Prediction:
        configurations = [*known.configurations, *wanted]
        tasks = [*known.tasks, *[evidence.THIS_TASK] * len(wanted)]
        encoding = Encoding.of(self.space, known.configurations)
        inputs = Inputs(
            encoding.points(configurations),
            trends.features(configurations),
            np.array(tasks, dtype=int),
        )
        size = max(1, len(known.configurations))
        count = max(FEWEST_SETTINGS, min(SETTINGS, SETTINGS * FULL_UP_TO // size))
        settings = draw_settings(prior, count, len(encoding.groups), np.random.default_rng(seed))
        alike = evidence.likeness(self.memory)
        return predict(inputs, known.values, alike, prior.slopes, settings)


def worth_of(prediction: Prediction, best: float | None, count: int) -> Vector:
    """How much it is worth to try each candidate, as a positive number; `count` are left.

    Before the first result: the expected score. Then the expected improvement over the best,
    mixed (geometrically) with the probability of any improvement worth having: where few
    candidates are left what counts is that one is better, where many are, by how much one may be.
    """
    mean, deviation = prediction.mean, prediction.deviation
    if best is None:
        expected: Vector = np.exp(prediction.weights @ mean)
        return expected
    better = mean - best
    ratio = better / deviation
    density = np.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
    gain = prediction.weights @ (better * ndtr(ratio) + deviation * density)
    chance = prediction.weights @ ndtr((better - WORTH_HAVING) / deviation)
    share = min(1.0, FEW_LEFT / count)
    mixed: Vector = np.maximum(chance, 1e-12) ** share * np.maximum(gain, 1e-15) ** (1 - share)
    return mixed


def _eccentricity(space: SearchSpace, left: Sequence[Configuration]) -> Vector:
    """Mean distance to all other candidates, a flag, from the smallest."""
    groups = Encoding.of(space).points(left)
    far = sum(((g[:, None, :] - g[None, :, :]) ** 2).sum(axis=2).mean(axis=1) for g in groups)
    eccentricity: Vector = (far - np.min(far)) / len(groups)
    return eccentricity


def _probability(prediction: Prediction) -> Vector:
    """That a candidate is feasible, from the modelled 0 (feasible) or `INFEASIBLE`."""
    ratio = (prediction.mean - INFEASIBLE / 2) / np.sqrt(prediction.deviation**2 + 0.05)
    feasible: Vector = prediction.weights @ ndtr(ratio)
    return feasible


def _overall_deviation(prediction: Prediction) -> Vector:
    """Of the mixture of all settings."""
    mean: Matrix = prediction.mean
    expected = prediction.weights @ mean
    variance = prediction.weights @ (prediction.deviation**2 + (mean - expected) ** 2)
    deviation: Vector = np.sqrt(variance)
    return deviation
