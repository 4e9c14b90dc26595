"""Parallel coordinates: an axis for each parameter and one for the score, a line for each trial."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_app import words
from experiments_app.charts.kinds import Kind
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.parameters import (
    Parameter,
    Trial,
    parameters_of,
    short,
    some_of,
    trials_of,
)
from experiments_app.charts.source import ChartSource
from experiments_app.charts.thinning import evenly
from experiments_app.objective import is_maximised

MAX_AXES = 9
MAX_LINES = 120
MAX_LABELS = 7
JITTER = 0.05
BEST, TOP, MIDDLE, LOW = "★ Best", "Best quarter", "Middle half", "Worst quarter"
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
BANDS = (LOW, MIDDLE, TOP, BEST)


@dataclass(frozen=True)
class Mark:
    """A value on an axis, at a height from 0 to 1."""

    height: float
    label: str


@dataclass(frozen=True)
class Axis:
    name: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Strand:
    """One experiment: its height on each axis, the score's last. `band`: how good it is."""

    number: int
    band: str
    heights: tuple[float, ...]
    tooltip: str
    path: str


@dataclass(frozen=True)
class ParallelChart:
    title: str
    axes: tuple[Axis, ...]
    strands: tuple[Strand, ...]
    description: str

    @property
    def has_content(self) -> bool:
        return bool(self.strands)


def parallel_chart(source: ChartSource, options: ChartOptions) -> ParallelChart:
    overview = source.overview
    trials = trials_of(overview)
    found = parameters_of(overview, trials)
    shown = [p for p in found[:MAX_AXES] if all(p.name in t.values for t in trials)]
    title = "Every configuration and its score"
    if not shown:
        text = "Two experiments with a score and different values of a parameter are needed."
        return ParallelChart(title, (), (), text)
    maximised = is_maximised(overview.objective)
    some = some_of(trials, MAX_LINES, maximised=maximised)
    bands = _bands(trials, maximised=maximised)
    scores = [trial.score for trial in trials]
    strands = [_strand(trial, shown, bands[trial.number], scores) for trial in some]
    score = f"score, {words.SHORT_UNITS[overview.objective]}"
    score_axis = Axis(score, _score_marks(scores))
    return ParallelChart(
        title=title,
        axes=(*(_axis(parameter) for parameter in shown), score_axis),
        strands=tuple(sorted(strands, key=lambda strand: BANDS.index(strand.band))),
        description=_describe(trials, some, len(found) - len(shown)),
    )


def _bands(trials: Sequence[Trial], *, maximised: bool) -> dict[int, str]:
    ranked = sorted(trials, key=lambda t: -t.score if maximised else t.score)
    quarter = max(len(ranked) // 4, 1)
    bands = {}
    for rank, trial in enumerate(ranked):
        band = TOP if rank < quarter else LOW if rank >= len(ranked) - quarter else MIDDLE
        bands[trial.number] = BEST if trial.kind is Kind.BEST else band
    return bands


def _strand(
    trial: Trial, parameters: Sequence[Parameter], band: str, scores: Sequence[float]
) -> Strand:
    low, high = min(scores), max(scores)
    share = (trial.score - low) / (high - low) if high > low else 0.5
    heights = [_height(parameter, trial, share) for parameter in parameters]
    return Strand(trial.number, band, (*heights, share), trial.tooltip, trial.path)


def _height(parameter: Parameter, trial: Trial, share: float) -> float:
    """Side by side, not on top of each other: trials of one value are fanned out by score."""
    height = parameter.position(trial.values[parameter.name])
    fan = 0.0 if parameter.is_scale else JITTER * (share - 0.5)
    return round(height + fan, 4)


def _axis(parameter: Parameter) -> Axis:
    if parameter.is_scale:
        marks = [Mark(share, short(parameter.value_at(share))) for share in QUARTERS]
    else:
        values = evenly(parameter.values, MAX_LABELS)
        marks = [Mark(parameter.position(value), words.flag_value(value)) for value in values]
    return Axis(parameter.name, tuple(marks))


def _score_marks(scores: Sequence[float]) -> tuple[Mark, ...]:
    low, high = min(scores), max(scores)
    if low == high:
        return (Mark(0.5, words.number(low)),)
    return tuple(Mark(share, words.number(low + share * (high - low))) for share in QUARTERS)


def _describe(trials: Sequence[Trial], some: Sequence[Trial], left_out: int) -> str:
    parts = [
        (
            "Each line is an experiment: it passes through the values of its parameters and ends"
            " at its score."
        )
    ]
    best = next((trial for trial in trials if trial.kind is Kind.BEST), None)
    if best is not None:
        parts.append(f"{best.tooltip}.")
    if len(some) < len(trials):
        parts.append(f"Drawn are {len(some)} of {len(trials)}, the best among them.")
    if left_out:
        parts.append(f"{left_out} parameters with the least effect are left out.")
    return " ".join(parts)
