"""The chance that further experiments find something better by more than a given share.

The Gaussian process of `auto` is fitted to the history, whichever strategy made it, and what would
be measured at the likeliest untried configurations is drawn jointly: they rise and fall together,
so their chances do not add up as those of independent ones would. A draw in which one of them,
being feasible, beats the best so far by more than the share counts as a gain.

Of a budget of `more` experiments only so many configurations can be tried. A search that is guided
by a model is taken to try those that are likeliest now (as it learns, it may do better), one that
is not any of those that are left.
"""

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tasks_app.space import Configuration, SearchSpace
from tasks_app.strategies import evidence, trends
from tasks_app.strategies.base import Memory, Trial, tried
from tasks_app.strategies.candidates import candidates
from tasks_app.strategies.encoding import Encoding
from tasks_app.strategies.evidence import INFEASIBLE, Evidence
from tasks_app.strategies.gaussian import (
    Inputs,
    Prior,
    Vector,
    draw_settings,
    predict,
    sample,
)
from tasks_app.strategies.weighing import AMPLITUDE, FEASIBILITY, LENGTH, SETTINGS

UNLIKELY = 0.1
IN_A_ROW = 2
FEWEST_EXPERIMENTS = 5
"""A search may end when the chance was below `UNLIKELY` after so many experiments in a row, and
never before so many; the baseline is not counted."""
GUIDED = frozenset({"auto", "bayesian"})
"""Strategies that choose by a model."""
DRAWS = 1_000
MOST_DRAWN = 120
"""Candidates that are drawn jointly; the rest are less likely than any of them."""
FEWEST_RESULTS = 3
"""Below so many results the model knows next to nothing but its prior."""


def chance_of_gain(
    space: SearchSpace,
    history: Sequence[Trial],
    *,
    gain: float,
    more: int,
    maximise: bool,
    guided: bool,
    seed: int = 0,
    to_beat: float | None = None,
) -> float | None:
    """From 0 to 1: that `more` experiments improve the best score by more than the share `gain`.

    `guided`: by a model, in the choice of what is tried. `to_beat` is the best score outside of
    `history`, the baseline's. None where too little was measured to tell.
    """
    own = [trial for trial in history if space.restrict(trial.parameters) is not None]
    scored = [trial.score for trial in own if trial.score is not None and trial.score > 0]
    if len(scored) < FEWEST_RESULTS or any(t.score is not None and t.score <= 0 for t in own):
        return None
    rng = random.Random(seed)  # noqa: S311
    left = candidates(space, own, tried(space, own), rng, maximise=maximise)
    if not left or more < 1:
        return 0.0
    known = evidence.scores(own, Memory(), maximise=maximise)
    needed = _best(known, scored, to_beat, maximise=maximise) + math.log(1 + gain)
    numbers = np.random.default_rng(rng.getrandbits(32))
    prior = Prior(AMPLITUDE, LENGTH, trends.slopes(maximise=maximise))
    marginal = predict(**_asked(space, known, left, prior, numbers))
    works = _chance_to_work(space, own, left, numbers)
    likely = marginal.weights @ ndtr((marginal.mean - needed) / marginal.deviation) * works
    order = np.argsort(-likely, kind="stable") if guided else numbers.permutation(len(left))
    drawn = order[: min(more, MOST_DRAWN) if guided else MOST_DRAWN]
    asked = _asked(space, known, [left[index] for index in drawn], prior, numbers)
    draws = sample(**asked, count=DRAWS, rng=numbers)
    gains = (draws > needed) & (numbers.random(draws.shape) < works[drawn])
    tried_share = min(1.0, more / len(drawn))
    gains &= _some(gains.shape, round(tried_share * len(drawn)), numbers)
    return float(gains.any(axis=1).mean())


def _some(shape: tuple[int, ...], count: int, numbers: np.random.Generator) -> NDArray[np.bool_]:
    """In each row, `count` places chosen at random."""
    ranks = numbers.random(shape).argsort(axis=1).argsort(axis=1)
    chosen: NDArray[np.bool_] = ranks < count
    return chosen


def _best(
    known: Evidence, scored: Sequence[float], to_beat: float | None, *, maximise: bool
) -> float:
    """The best so far as the model tells scores, that outside of the history included."""
    inside = known.best or 0.0
    if to_beat is None or to_beat <= 0:
        return inside
    ahead = math.log(to_beat / max(scored)) if maximise else math.log(min(scored) / to_beat)
    return inside + float(max(ahead, 0.0))


def _chance_to_work(
    space: SearchSpace,
    own: Sequence[Trial],
    left: Sequence[Configuration],
    numbers: np.random.Generator,
) -> Vector:
    """Of each candidate: that it neither fails nor breaks the SLO."""
    known = evidence.feasibility(own, Memory())
    if known is None:
        return np.ones(len(left))
    prediction = predict(**_asked(space, known, left, FEASIBILITY, numbers))
    ratio = (prediction.mean - INFEASIBLE / 2) / np.sqrt(prediction.deviation**2 + 0.05)
    works: Vector = prediction.weights @ ndtr(ratio)
    return works


def _asked(
    space: SearchSpace,
    known: Evidence,
    wanted: Sequence[Configuration],
    prior: Prior,
    numbers: np.random.Generator,
) -> dict[str, Any]:
    """The arguments of `predict` and `sample`."""
    configurations = [*known.configurations, *wanted]
    encoding = Encoding.of(space, known.configurations)
    tasks = np.array([*known.tasks, *[evidence.THIS_TASK] * len(wanted)], dtype=int)
    return {
        "inputs": Inputs(encoding.points(configurations), trends.features(configurations), tasks),
        "known": known.values,
        "alike": evidence.likeness(Memory()),
        "slopes": prior.slopes,
        "settings": draw_settings(prior, SETTINGS, len(encoding.groups), numbers),
    }
