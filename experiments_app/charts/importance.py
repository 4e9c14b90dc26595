"""How much each parameter matters for the score: functional analysis of variance (fANOVA).

Hutter, Hoos, Leyton-Brown: An Efficient Approach for Assessing Hyperparameter Importance, 2014;
computed from a random forest that predicts the score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_app.charts.options import ChartOptions
from experiments_app.charts.parameters import Parameter, Trial, parameters_of, trials_of
from experiments_app.charts.source import ChartSource
from experiments_app.charts.thinning import evenly

MIN_TRIALS = 8
MIN_TRIALS_PER_PARAMETER = 3
MAX_TRIALS = 60
"""The time that it takes grows with their square."""
TREES = 24
DEPTH = 10


@dataclass(frozen=True)
class Weight:
    """The share of the variance of the score that a parameter explains by itself, 0 to 1."""

    name: str
    share: float

    @property
    def tooltip(self) -> str:
        return f"{self.name}: {self.share:.0%} of the score's variance"


@dataclass(frozen=True)
class ImportanceChart:
    title: str
    weights: tuple[Weight, ...]
    description: str

    @property
    def has_content(self) -> bool:
        return bool(self.weights)


def importance_chart(source: ChartSource, options: ChartOptions) -> ImportanceChart:
    trials = trials_of(source.overview)
    title = "How much each parameter matters"
    found = parameters_of(source.overview, trials)
    whole = [t for t in trials if all(p.name in t.values for p in found)]
    needed = max(MIN_TRIALS, MIN_TRIALS_PER_PARAMETER * len(found))
    if not found:
        text = "Two experiments with a score and different values of a parameter are needed."
        return ImportanceChart(title, (), text)
    if len(whole) < needed:
        text = (
            f"Too few experiments to tell: {len(whole)} with a score, {needed} are needed for"
            f" {len(found)} parameter{'s' if len(found) > 1 else ''}."
        )
        return ImportanceChart(title, (), text)
    if len({trial.score for trial in whole}) == 1:
        return ImportanceChart(title, (), "Nothing matters: all scores are the same.")
    used = evenly(whole, MAX_TRIALS)
    shares = _shares(found, used)
    weights = sorted((Weight(n, s) for n, s in shares.items()), key=lambda w: (-w.share, w.name))
    return ImportanceChart(title, tuple(weights), _describe(weights, len(used), len(whole)))


def _shares(parameters: Sequence[Parameter], trials: Sequence[Trial]) -> dict[str, float]:
    import numpy as np

    from experiments_app.charts.forest import variance_shares

    points = np.array([[_place(p, trial) for p in parameters] for trial in trials])
    scores = np.array([trial.score for trial in trials])
    shares = variance_shares(points, scores, trees=TREES, depth=DEPTH)
    return {p.name: float(share) for p, share in zip(parameters, shares, strict=True)}


def _place(parameter: Parameter, trial: Trial) -> float:
    """In the unit cube; values side by side have the same room each."""
    value = trial.values[parameter.name]
    if parameter.is_scale:
        return parameter.position(value)
    return (parameter.values.index(value) + 0.5) / len(parameter.values)


def _describe(weights: Sequence[Weight], used: int, measured: int) -> str:
    told = ", ".join(f"{w.name} {w.share:.0%}" for w in weights[:4])
    rest = max(1 - sum(w.share for w in weights), 0.0)
    some = f" ({used} of {measured}, evenly chosen)" if used < measured else ""
    return (
        f"Share of the score's variance that each parameter explains by itself: {told}. The other"
        f" {rest:.0%} are parameters acting together, and noise. Method: fANOVA over {used}"
        f" experiments with a score{some}; with few experiments it is a rough hint."
    )
