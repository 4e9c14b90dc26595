"""A Gaussian process that averages over its settings, knows what flags do in general, keeps away
from what crashes, and learns from other tasks.

The next configuration is the candidate whose improvement over the best so far is likeliest and
largest, times the probability that it is feasible. Before the first result it is the one that known
trends and past tasks speak for, else the one in the middle of the space.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from tasks_app.space import Configuration, SearchSpace
from tasks_app.strategies import evidence, random_search, trends
from tasks_app.strategies.base import Memory, Trial, first_untried, tried
from tasks_app.strategies.candidates import candidates
from tasks_app.strategies.encoding import Encoding
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


def propose(
    space: SearchSpace,
    history: Sequence[Trial],
    *,
    seed: int,
    maximise: bool,
    budget: int,
    memory: Memory | None = None,
) -> Configuration | None:
    seen = tried(space, history)
    rng = random_search.step_rng(seed, seen)
    own = [trial for trial in history if space.restrict(trial.parameters) is not None]
    left = candidates(space, own, seen, rng, maximise=maximise)
    if not left:
        return first_untried(random_search.draws(space, seed), space, seen, rng)
    if len(left) == 1:
        return left[0]
    memory = memory or Memory()
    scores = evidence.scores(own, memory, maximise=maximise)
    prior = Prior(AMPLITUDE, LENGTH, trends.slopes(maximise=maximise))
    question = _Question(space, left, memory)
    prediction = question.predict(scores, prior, rng)
    worth = _worth(prediction, scores.best)
    if scores.best is None:
        worth = worth * np.exp(-CENTRALITY * _eccentricity(space, left))
    feasible = evidence.feasibility(own, memory)
    if feasible is not None:
        worth = worth * _probability(question.predict(feasible, FEASIBILITY, rng))
    return left[int(np.argmax(worth))]


@dataclass(frozen=True)
class _Question:
    """Which of the candidates, in the light of what other tasks were like."""

    space: SearchSpace
    candidates: Sequence[Configuration]
    memory: Memory

    def predict(self, known: Evidence, prior: Prior, rng: random.Random) -> Prediction:
        configurations = [*known.configurations, *self.candidates]
        tasks = [*known.tasks, *[evidence.THIS_TASK] * len(self.candidates)]
        encoding = Encoding.of(self.space, known.configurations)
        inputs = Inputs(
            encoding.points(configurations),
            trends.features(configurations),
            np.array(tasks, dtype=int),
        )
        size = max(1, len(known.configurations))
        count = max(FEWEST_SETTINGS, min(SETTINGS, SETTINGS * FULL_UP_TO // size))
        numbers = np.random.default_rng(rng.getrandbits(32))
        settings = draw_settings(prior, count, len(encoding.groups), numbers)
        alike = evidence.likeness(self.memory)
        return predict(inputs, known.values, alike, prior.slopes, settings)


def _worth(prediction: Prediction, best: float | None) -> Vector:
    """How much it is worth to try each candidate, as a positive number.

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
    share = min(1.0, FEW_LEFT / mean.shape[1])
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
