"""The score against the values of each parameter: small charts beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_app import words
from experiments_app.charts.kinds import Kind, better
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.parameters import (
    Parameter,
    Trial,
    having,
    parameters_of,
    some_of,
    trials_of,
)
from experiments_app.charts.source import ChartSource
from experiments_app.objective import is_maximised

MAX_PANELS = 9
MAX_DOTS = 450
GROUPS = 8
LEAST_IN_GROUP = 4


@dataclass(frozen=True)
class EffectDot:
    """One experiment; `value` is the number on a scale, `label` the value side by side."""

    value: float
    label: str
    score: float
    kind: Kind
    tooltip: str
    path: str


@dataclass(frozen=True)
class Mean:
    """The mean score of a value, or of a stretch of the scale around `value`."""

    value: float
    label: str
    score: float


@dataclass(frozen=True)
class EffectPanel:
    """One parameter. `labels`: its values in order where it is not drawn on a scale."""

    name: str
    labels: tuple[str, ...]
    is_log: bool
    dots: tuple[EffectDot, ...]
    means: tuple[Mean, ...]


@dataclass(frozen=True)
class EffectsChart:
    title: str
    axis: str
    baseline: float | None
    panels: tuple[EffectPanel, ...]
    description: str

    @property
    def has_content(self) -> bool:
        return bool(self.panels)


def effects_chart(source: ChartSource, options: ChartOptions) -> EffectsChart:
    overview = source.overview
    trials = trials_of(overview)
    found = parameters_of(overview, trials)
    shown = found[:MAX_PANELS]
    most = MAX_DOTS // max(len(shown), 1)
    maximised = is_maximised(overview.objective)
    some = some_of(trials, most, maximised=maximised)
    return EffectsChart(
        title="Score against each parameter",
        axis=f"{words.SHORT_UNITS[overview.objective]} · {better(overview)} is better",
        baseline=overview.baseline.objective_score if overview.baseline else None,
        panels=tuple(_panel(parameter, trials, some) for parameter in shown),
        description=_describe(shown, found, trials, some, maximised=maximised),
    )


def _panel(parameter: Parameter, trials: Sequence[Trial], some: Sequence[Trial]) -> EffectPanel:
    in_group = max(min(GROUPS, len(trials) // LEAST_IN_GROUP), 1)
    labels, label = parameter.groups(in_group if parameter.is_scale else len(parameter.values))
    by_label: dict[str, list[Trial]] = {}
    for trial in having(parameter, trials):
        by_label.setdefault(label(trial.values[parameter.name]), []).append(trial)
    means = [
        Mean(_middle(parameter, of_label), name, sum(t.score for t in of_label) / len(of_label))
        for name in labels
        if (of_label := by_label.get(name))
    ]
    dots = [
        EffectDot(
            value=_number(trial, parameter),
            label=label(trial.values[parameter.name]),
            score=trial.score,
            kind=trial.kind,
            tooltip=trial.tooltip,
            path=trial.path,
        )
        for trial in having(parameter, some)
    ]
    return EffectPanel(
        name=parameter.name,
        labels=() if parameter.is_scale else tuple(labels),
        is_log=parameter.is_log,
        # The best is drawn last, above the others.
        dots=tuple(sorted(dots, key=lambda dot: dot.kind is Kind.BEST)),
        means=tuple(means),
    )


def _number(trial: Trial, parameter: Parameter) -> float:
    value = trial.values[parameter.name]
    return float(value or 0) if parameter.is_scale and not isinstance(value, str) else 0.0


def _middle(parameter: Parameter, trials: Sequence[Trial]) -> float:
    numbers = sorted(_number(trial, parameter) for trial in trials)
    return numbers[len(numbers) // 2]


def _describe(
    shown: Sequence[Parameter],
    found: Sequence[Parameter],
    trials: Sequence[Trial],
    some: Sequence[Trial],
    *,
    maximised: bool,
) -> str:
    if not shown:
        return "Two experiments with a score and different values of a parameter are needed."
    parts = []
    for parameter in shown[:3]:
        panel = _panel(parameter, trials, ())
        ranked = sorted(panel.means, key=lambda mean: -mean.score if maximised else mean.score)
        parts.append(
            f"{parameter.name}: on average {words.number(ranked[0].score)} at {ranked[0].label},"
            f" {words.number(ranked[-1].score)} at {ranked[-1].label}."
        )
    if len(found) > len(shown):
        parts.append(f"The {len(shown)} parameters with the strongest effect of {len(found)}.")
    if len(some) < len(trials):
        parts.append(f"Dots are {len(some)} of {len(trials)} experiments; means count all.")
    return " ".join(parts)
