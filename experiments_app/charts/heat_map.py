"""The score over two parameters: a field for each pair of their values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from experiments_app import words
from experiments_app.charts.kinds import unit_words
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.parameters import (
    Parameter,
    Trial,
    having,
    parameters_of,
    trials_of,
)
from experiments_app.charts.source import ChartSource
from experiments_app.objective import is_maximised

GROUPS = 8
LEVELS = 7


@dataclass(frozen=True)
class Field:
    """The experiments with these values; `level` 1 is the worst mean score, LEVELS the best.

    A click leads to the best of them.
    """

    x: str
    y: str
    mean: float
    count: int
    level: int
    text: str
    tooltip: str
    path: str
    has_best: bool = False


@dataclass(frozen=True)
class HeatMapChart:
    """`levels` are the labels of the colours, the worst first."""

    title: str
    axis: str
    x_name: str
    y_name: str
    x_labels: tuple[str, ...]
    y_labels: tuple[str, ...]
    fields: tuple[Field, ...]
    levels: tuple[str, ...]
    description: str

    @property
    def has_content(self) -> bool:
        return bool(self.fields)


def heat_map_chart(source: ChartSource, options: ChartOptions) -> HeatMapChart:
    overview = source.overview
    trials = trials_of(overview)
    found = parameters_of(overview, trials)
    title = "Mean score over two parameters"
    axis = unit_words(overview)
    if len(found) < 2:
        text = "Experiments with different values of two parameters are needed."
        return HeatMapChart(title, axis, "", "", (), (), (), (), text)
    x, y = chosen_pair(found, options)
    maximised = is_maximised(overview.objective)
    x_labels, x_of = x.groups(GROUPS)
    y_labels, y_of = y.groups(GROUPS)
    by_field: dict[tuple[str, str], list[Trial]] = {}
    for trial in having(x, having(y, trials)):
        place = x_of(trial.values[x.name]), y_of(trial.values[y.name])
        by_field.setdefault(place, []).append(trial)
    means = {place: sum(t.score for t in own) / len(own) for place, own in by_field.items()}
    fields = [
        _field(place, own, means, (x.name, y.name), maximised=maximised)
        for place, own in by_field.items()
    ]
    return HeatMapChart(
        title=f"Mean score over {x.name} and {y.name}",
        axis=axis,
        x_name=x.name,
        y_name=y.name,
        x_labels=tuple(x_labels),
        y_labels=tuple(y_labels),
        fields=tuple(fields),
        levels=_levels(means.values(), maximised=maximised),
        description=_describe(fields, overview.unit),
    )


def chosen_pair(found: Sequence[Parameter], options: ChartOptions) -> tuple[Parameter, Parameter]:
    """The two that were chosen, else the two that matter most."""
    by_name = {parameter.name: parameter for parameter in found}
    x = by_name.get(options.x) or next(p for p in found if p.name != options.y)
    chosen = by_name.get(options.y)
    if chosen is None or chosen is x:
        chosen = next(p for p in found if p is not x)
    return x, chosen


def _field(
    place: tuple[str, str],
    own: Sequence[Trial],
    means: dict[tuple[str, str], float],
    names: tuple[str, str],
    *,
    maximised: bool,
) -> Field:
    ranked = sorted(own, key=lambda t: -t.score if maximised else t.score)
    best, mean = ranked[0], means[place]
    low, high = min(means.values()), max(means.values())
    share = (mean - low) / (high - low) if high > low else 0.5
    level = min(int((share if maximised else 1 - share) * LEVELS), LEVELS - 1) + 1
    several = "experiments" if len(own) > 1 else "experiment"
    has_best = any(trial.kind.value.startswith("★") for trial in own)
    return Field(
        x=place[0],
        y=place[1],
        mean=mean,
        count=len(own),
        level=level,
        text=words.number(mean),
        tooltip=(
            f"{'★ ' if has_best else ''}{names[0]} {place[0]} · {names[1]} {place[1]} · mean"
            f" {words.number(mean)} of {len(own)} {several}"
            f" · best {words.number(best.score)} (experiment {best.number})"
        ),
        path=best.path,
        has_best=has_best,
    )


def _levels(means: Collection[float], *, maximised: bool) -> tuple[str, ...]:
    """What each level stands for: the mean scores from here on."""
    low, high = min(means), max(means)
    step = (high - low) / LEVELS
    if maximised:
        return tuple(f"{words.number(low + step * level)}+" for level in range(LEVELS))
    return tuple(f"≤ {words.number(high - step * level)}" for level in range(LEVELS))


def _describe(fields: Sequence[Field], unit: str) -> str:
    best = max(fields, key=lambda field: field.level)
    starred = next((field for field in fields if field.has_best), None)
    parts = [f"Strongest colour: {best.tooltip} {unit}."]
    if starred is not None:
        parts.append(
            f"The star marks the field of the best experiment, {starred.x} and {starred.y}."
        )
    return " ".join(parts)
