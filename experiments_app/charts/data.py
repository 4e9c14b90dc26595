"""What a chart shows, as plain data."""

from dataclasses import dataclass
from enum import StrEnum

from experiments_app import words
from experiments_app.overview import TaskOverview
from experiments_app.rows import Row


class Kind(StrEnum):
    """What a bar stands for; the value is its entry in the legend."""

    BEST = "★ Best"
    BASELINE = "Default"
    MEASURED = "Measured"
    INFEASIBLE = "Misses an SLO"
    FAILED = "Not measured"


@dataclass(frozen=True)
class Bar:
    """One experiment. `score` is None where there is none: then a mark stands on the axis.

    `tooltip` says everything about it in one line; `path` is where a click leads.
    """

    number: int
    kind: Kind
    score: float | None
    tooltip: str
    path: str


@dataclass(frozen=True)
class ScoreChart:
    """The objective score of each experiment of a run.

    `slots` is how many numbers the axis has room for, those still to come included, so that
    bars stay where they are as the run goes on. `baseline` is drawn as a line across.
    """

    title: str
    unit: str
    slots: int
    bars: tuple[Bar, ...]
    baseline: float | None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Those in use, in the order of the legend."""
        used = {bar.kind for bar in self.bars}
        return tuple(kind for kind in Kind if kind in used)

    @property
    def description(self) -> str:
        """The chart in words, for those who cannot see it."""
        measured = [bar for bar in self.bars if bar.score is not None]
        if not measured:
            return self._why_no_score
        scores = [bar.score for bar in measured if bar.score is not None]
        best = next((bar for bar in self.bars if bar.kind is Kind.BEST), None)
        parts = [
            (
                f"{len(measured)} of {len(self.bars)} experiments have a score, from "
                f"{words.number(min(scores))} to {words.number(max(scores))} {self.unit}."
            )
        ]
        if best is not None and best.score is not None:
            name = "the default" if best.number == 0 else f"experiment {best.number}"
            parts.append(f"The best is {name} with {words.number(best.score)}.")
        if self.baseline is not None and best is not None and best.number != 0:
            parts.append(f"The default has {words.number(self.baseline)}.")
        return " ".join(parts)

    @property
    def has_scores(self) -> bool:
        return any(bar.score is not None for bar in self.bars)

    @property
    def _why_no_score(self) -> str:
        kinds = {kind: sum(bar.kind is kind for bar in self.bars) for kind in Kind}
        reasons = [
            f"{kinds[kind]} {words}"
            for kind, words in (
                (Kind.INFEASIBLE, "missed an SLO"),
                (Kind.FAILED, "could not be measured"),
            )
            if kinds[kind]
        ]
        if not reasons:
            return "A bar appears here for every experiment that ends."
        return f"No experiment has a score: {', '.join(reasons)}."


def score_chart(overview: TaskOverview) -> ScoreChart:
    bars = tuple(
        Bar(
            number=row.number,
            kind=_kind(row),
            score=row.score,
            tooltip=_tooltip(row, overview),
            path=f"/experiments/{row.experiment.pk}/",
        )
        for row in overview.rows
        if row.experiment is not None and row.experiment.current_status.is_finished
    )
    return ScoreChart(
        title="Objective score of each experiment",
        unit=overview.unit,
        slots=overview.total if overview.is_open else len(overview.experiments),
        bars=bars,
        baseline=overview.baseline.objective_score if overview.baseline else None,
    )


def _kind(row: Row) -> Kind:
    if row.is_best:
        return Kind.BEST
    if row.state == "infeasible":
        return Kind.INFEASIBLE
    if row.score is None:
        return Kind.FAILED
    return Kind.BASELINE if row.is_baseline else Kind.MEASURED


def _tooltip(row: Row, overview: TaskOverview) -> str:
    name = "Default" if row.is_baseline else f"Experiment {row.number}"
    parts = [f"★ Best: {name}" if row.is_best else name]
    if row.score is not None:
        parts.append(f"{words.number(row.score)} {overview.unit}")
    else:
        parts.append(row.detail.partition("\n")[0][:200] or row.label)
    if row.gain is not None:
        parts.append(f"{words.percent(row.gain)} against the default")
    parts += [f"{cell.name} {cell.text}" for cell in row.cells if cell.text]
    return " · ".join(parts)
