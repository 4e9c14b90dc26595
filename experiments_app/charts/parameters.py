"""What was tried: the values of each searched parameter, and the scores that came of them."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from experiments_app import words
from experiments_app.charts.kinds import Kind, finished_rows, kind_of, path_of, tooltip
from experiments_app.charts.thinning import evenly
from experiments_app.overview import TaskOverview
from tasks_app.domains import Domain, Range
from tasks_app.expressions import Scalar

MAX_VALUES = 12
MAX_VALUES_OF_RANGE = 5
"""Numbers of more than so many values are drawn along a scale, fewer side by side."""
LOG_FROM = 30.0
OTHERS = "others"


@dataclass(frozen=True)
class Trial:
    """An experiment with a score."""

    number: int
    score: float
    kind: Kind
    tooltip: str
    path: str
    values: Mapping[str, Scalar]


@dataclass(frozen=True)
class Parameter:
    """`values` are those that trials have, each once and in order: numbers by size.

    On a scale it is drawn by size, else each value beside the other.
    """

    name: str
    values: tuple[Scalar, ...]
    is_scale: bool = False
    is_log: bool = False

    @cached_property
    def is_numeric(self) -> bool:
        return all(type(value) in {int, float} for value in self.values)

    def position(self, value: Scalar) -> float:
        """Where `value` lies between the first (0) and the last (1)."""
        if not self.is_scale:
            return self.values.index(value) / max(len(self.values) - 1, 1)
        low, high, at = (self._on_scale(v) for v in (self.values[0], self.values[-1], value))
        return (at - low) / (high - low)

    def value_at(self, height: float) -> float:
        """The other way round, on a scale."""
        low, high = self._on_scale(self.values[0]), self._on_scale(self.values[-1])
        at = low + height * (high - low)
        return math.exp(at) if self.is_log else at

    def groups(self, most: int) -> tuple[list[str], Callable[[Scalar], str]]:
        """At most `most` groups of values as labels in order, and what gives a value's label."""
        if self.is_scale or (self.is_numeric and len(self.values) > most):
            return self._ranges(most)
        labels = {_key(value): words.flag_value(value) for value in self.values}
        if len(labels) > most:
            kept = dict(list(labels.items())[: most - 1])
            return [*kept.values(), OTHERS], lambda value: kept.get(_key(value), OTHERS)
        return list(labels.values()), lambda value: labels[_key(value)]

    def _ranges(self, most: int) -> tuple[list[str], Callable[[Scalar], str]]:
        shown = [short(self.value_at(index / most)) for index in range(most + 1)]
        labels = [f"{a}–{b}" for a, b in itertools.pairwise(shown)]

        def label(value: Scalar) -> str:
            low, high, at = (self._on_scale(v) for v in (self.values[0], self.values[-1], value))
            return labels[min(int((at - low) / (high - low) * most), most - 1)]

        return labels, label

    def _on_scale(self, value: Scalar) -> float:
        number = float(value or 0)
        return math.log(number) if self.is_log else number


def trials_of(overview: TaskOverview) -> list[Trial]:
    """Those that tried something: the default has its own values, which nobody knows here."""
    return [
        Trial(
            number=row.number,
            score=row.score,
            kind=kind_of(row),
            tooltip=tooltip(row, overview),
            path=path_of(row),
            values=row.experiment.parameters,
        )
        for row in finished_rows(overview)
        if row.score is not None and row.experiment is not None and not row.is_baseline
    ]


def parameters_of(overview: TaskOverview, trials: Sequence[Trial]) -> list[Parameter]:
    """The searched parameters of which trials have more than one value, the strongest first."""
    found = []
    for name in overview.searched:
        values = {_key(t.values[name]): t.values[name] for t in trials if name in t.values}
        if len(values) > 1:
            found.append(_parameter(name, overview.spec.parameters[name], list(values.values())))
    return sorted(found, key=lambda parameter: -explained(parameter, trials))


def _parameter(name: str, domain: Domain, values: list[Scalar]) -> Parameter:
    if not all(type(value) in {int, float} for value in values):
        return Parameter(name, tuple(sorted(values, key=words.flag_value)))
    ordered = sorted(values, key=lambda value: float(value or 0))
    low, high = float(ordered[0] or 0), float(ordered[-1] or 0)
    if isinstance(domain, Range):
        most, is_log = MAX_VALUES_OF_RANGE, domain.log
    else:
        most, is_log = MAX_VALUES, high > LOG_FROM * low
    return Parameter(name, tuple(ordered), len(values) > most, is_log and low > 0)


def explained(parameter: Parameter, trials: Sequence[Trial]) -> float:
    """How much of the scores' variance the parameter's groups explain by themselves, 0 to 1.

    Epsilon squared: the share of the variance between groups, less what chance would give.
    """
    of_group: dict[str, list[float]] = {}
    _, label = parameter.groups(8)
    for trial in having(parameter, trials):
        of_group.setdefault(label(trial.values[parameter.name]), []).append(trial.score)
    scores = [score for group in of_group.values() for score in group]
    if len(scores) <= len(of_group):
        return 0.0
    middle = sum(scores) / len(scores)
    total = sum((score - middle) ** 2 for score in scores)
    between = sum(len(g) * (sum(g) / len(g) - middle) ** 2 for g in of_group.values())
    noise = (total - between) / (len(scores) - len(of_group))
    return max((between - (len(of_group) - 1) * noise) / total, 0.0) if total else 0.0


def having(parameter: Parameter, trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if parameter.name in trial.values]


def some_of(trials: Sequence[Trial], most: int, *, maximised: bool) -> list[Trial]:
    """At most `most` trials in their order: the best, a third, and an even choice of the others."""
    if len(trials) <= most:
        return list(trials)
    ranked = sorted(trials, key=lambda t: -t.score if maximised else t.score)
    kept = ranked[: most // 3]
    chosen = {t.number for t in [*kept, *evenly(ranked[most // 3 :], most - len(kept))]}
    return [trial for trial in trials if trial.number in chosen]


def _key(value: Scalar) -> tuple[bool, Scalar]:
    """Tells true from 1."""
    return isinstance(value, bool), value


def short(number: float) -> str:
    """A value of a scale with as few digits as will do."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.2g}"
