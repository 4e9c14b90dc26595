"""The objective score of each experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_app import words
from experiments_app.charts.kinds import (
    Kind,
    finished_rows,
    kind_of,
    path_of,
    tooltip,
    unit_words,
)
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.source import ChartSource
from experiments_app.charts.thinning import chunks
from experiments_app.objective import is_maximised

MAX_BARS = 150
MAX_GROUPS = 100


@dataclass(frozen=True)
class Bar:
    """One experiment. `score` is None where there is none: then a mark stands on the axis.

    `tooltip` says everything about it in one line; `path` is where a click leads. `spread` is
    the lowest and highest score of its repeats.
    """

    number: int
    kind: Kind
    score: float | None
    tooltip: str
    path: str
    spread: tuple[float, float] | None = None


@dataclass(frozen=True)
class Group:
    """Experiments after each other, where there are too many for a bar each.

    `score` is the best of them and `worst` the worst; None where none has a score. A click
    leads to the best.
    """

    number: int
    kind: Kind
    score: float | None
    worst: float | None
    tooltip: str
    path: str
    infeasible_share: float = 0.0
    failed_share: float = 0.0


@dataclass(frozen=True)
class ScoreChart:
    """The objective score of each experiment of a run.

    `slots` is how many numbers the axis has room for, those still to come included, so that
    bars stay where they are as the run goes on. `baseline` is drawn as a line across. There are
    `groups` where there would be too many `bars` to tell apart: then `bars` are the best and
    the default alone.
    """

    title: str
    unit: str
    slots: int
    bars: tuple[Bar, ...]
    baseline: float | None
    description: str
    axis: str = ""
    groups: tuple[Group, ...] = ()

    @property
    def marks(self) -> tuple[Bar | Group, ...]:
        return (*self.groups, *self.bars)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Those in use, in the order of the legend."""
        used = {mark.kind for mark in self.marks}
        used |= {Kind.INFEASIBLE for group in self.groups if group.infeasible_share}
        used |= {Kind.FAILED for group in self.groups if group.failed_share}
        return tuple(kind for kind in Kind if kind in used)

    @property
    def has_content(self) -> bool:
        return any(mark.score is not None for mark in self.marks)


def score_chart(source: ChartSource, options: ChartOptions | None = None) -> ScoreChart:
    overview = source.overview
    rows = finished_rows(overview)
    bars = [
        Bar(
            number=row.number,
            kind=kind_of(row),
            score=row.score,
            tooltip=_tooltip(tooltip(row, overview), spread, source),
            path=path_of(row),
            spread=spread,
        )
        for row in rows
        for spread in [source.spreads.get(row.number) if row.score is not None else None]
    ]
    groups: tuple[Group, ...] = ()
    shown = bars
    if len(bars) > MAX_BARS:
        maximised = is_maximised(overview.objective)
        groups = tuple(_group(part, maximised=maximised) for part in chunks(bars, MAX_GROUPS))
        shown = [bar for bar in bars if bar.kind in {Kind.BEST, Kind.BASELINE}]
    return ScoreChart(
        title="Objective score of each experiment",
        unit=overview.unit,
        slots=overview.total if overview.is_open else len(overview.experiments),
        bars=tuple(shown),
        baseline=overview.baseline.objective_score if overview.baseline else None,
        description=_describe(bars, overview.unit, is_compared=source.is_compared),
        axis=unit_words(overview),
        groups=groups,
    )


def _tooltip(text: str, spread: tuple[float, float] | None, source: ChartSource) -> str:
    if spread is None:
        return text
    what = "95% interval" if source.is_compared else "repeats from"
    return f"{text} · {what} {words.number(spread[0])} to {words.number(spread[1])}"


def _group(bars: Sequence[Bar], *, maximised: bool) -> Group:
    scored = sorted(
        (bar for bar in bars if bar.score is not None),
        key=lambda bar: bar.score or 0.0,
        reverse=maximised,
    )
    span = f"Experiments {bars[0].number} to {bars[-1].number}"
    missed = sum(bar.kind is Kind.INFEASIBLE for bar in bars)
    failed = sum(bar.kind is Kind.FAILED for bar in bars)
    pruned = sum(bar.kind is Kind.PRUNED for bar in bars)
    others = [
        f"{count} {what}"
        for count, what in ((missed, "miss an SLO"), (pruned, "pruned"), (failed, "not measured"))
        if count
    ]
    shares = missed / len(bars), failed / len(bars)
    if not scored:
        kind = Kind.INFEASIBLE if missed else Kind.FAILED
        text = " · ".join([span, *others])
        return Group(bars[0].number, kind, None, None, text, bars[0].path, *shares)
    best, worst = scored[0], scored[-1]
    told = [span, f"best {words.number(best.score or 0.0)} (experiment {best.number})"]
    if len(scored) > 1:
        told.append(f"worst {words.number(worst.score or 0.0)}")
    text = " · ".join([*told, *others])
    return Group(best.number, Kind.MEASURED, best.score, worst.score, text, best.path, *shares)


def _describe(bars: Sequence[Bar], unit: str, *, is_compared: bool) -> str:
    """The chart in words, for those who cannot see it."""
    scores = [bar.score for bar in bars if bar.score is not None]
    if not scores:
        return _why_no_score(bars)
    parts = [
        (
            f"{len(scores)} of {len(bars)} experiments have a score, from "
            f"{words.number(min(scores))} to {words.number(max(scores))} {unit}."
        )
    ]
    best = next((bar for bar in bars if bar.kind is Kind.BEST), None)
    default = next((bar for bar in bars if bar.number == 0), None)
    if best is not None and best.score is not None:
        name = words.experiment(best.number)
        parts.append(f"The best is {name} with {words.number(best.score)}.")
        if default is not None and default.score is not None and best.number != 0:
            parts.append(f"The default has {words.number(default.score)}.")
    if any(bar.spread for bar in bars) and is_compared:
        parts.append("Lines on bars are the 95% intervals that the final has found.")
    elif any(bar.spread for bar in bars):
        parts.append("Lines on bars reach from the lowest to the highest of the repeats.")
    if len(bars) > MAX_BARS:
        parts.append(
            "Each dot is the best of several experiments and its line reaches to their worst;"
            " squares on the axis tell where some have no score."
        )
    return " ".join(parts)


def _why_no_score(bars: Sequence[Bar]) -> str:
    reasons = [
        f"{count} {what}"
        for kind, what in (
            (Kind.INFEASIBLE, "missed an SLO"),
            (Kind.FAILED, "could not be measured"),
        )
        if (count := sum(bar.kind is kind for bar in bars))
    ]
    if not reasons:
        return "A bar appears here for every experiment that ends."
    return f"No experiment has a score: {', '.join(reasons)}."
