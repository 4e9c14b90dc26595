"""How the best score grew: over the experiments, or over the time that they took."""

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
from experiments_app.models import Experiment
from experiments_app.objective import is_maximised
from experiments_app.overview import TaskOverview
from experiments_app.rows import Row

MAX_DOTS = 200
TIME_UNITS = (("hours", 3600.0, 3 * 3600.0), ("minutes", 60.0, 300.0), ("seconds", 1.0, 0.0))


@dataclass(frozen=True)
class Dot:
    """An experiment with a score, at `x`."""

    number: int
    x: float
    score: float
    kind: Kind
    tooltip: str
    path: str


@dataclass(frozen=True)
class Step:
    """From `x` on, `score` is the best."""

    x: float
    score: float


@dataclass(frozen=True)
class ProgressChart:
    """`steps` ends with a step to the end of what was measured, where nothing changes but that a
    final has come to another score: it starts each contender's anew, and chooses the best."""

    title: str
    axis: str
    x_title: str
    x_max: float
    steps: tuple[Step, ...]
    dots: tuple[Dot, ...]
    baseline: float | None
    description: str

    @property
    def kinds(self) -> tuple[Kind, ...]:
        used = {dot.kind for dot in self.dots}
        return tuple(kind for kind in Kind if kind in used)

    @property
    def has_content(self) -> bool:
        return bool(self.dots)


def progress_chart(source: ChartSource, options: ChartOptions) -> ProgressChart:
    overview = source.overview
    over_time = options.over == "time"
    rows = finished_rows(overview)
    unit, seconds = _time_unit(max((_ended_s(row, overview) for row in rows), default=0.0))
    dots = [
        Dot(
            number=row.number,
            x=_ended_s(row, overview) / seconds if over_time else row.number,
            score=row.score,
            kind=kind_of(row),
            tooltip=f"{tooltip(row, overview)} · after {words.duration(_ended_s(row, overview))}",
            path=path_of(row),
        )
        for row in rows
        if row.score is not None
    ]
    dots.sort(key=lambda dot: (dot.x, dot.number))
    maximised = is_maximised(overview.objective)
    improved = _improvements(dots, maximised=maximised)
    last = max((_ended_s(row, overview) / seconds for row in rows), default=0.0)
    if not over_time:
        last = max((row.number for row in rows), default=0)
    steps = [Step(dot.x, dot.score) for dot in improved]
    steps += _last_steps(steps, float(last), overview)
    planned = max(overview.total - 1, 1) if overview.is_open else max(last, 1)
    return ProgressChart(
        title="Best score over time" if over_time else "Best score over the experiments",
        axis=unit_words(overview),
        x_title=f"{unit.capitalize()} since the start" if over_time else "Experiment",
        x_max=float(last if over_time else planned),
        steps=tuple(steps),
        dots=tuple(_thinned(dots, improved)),
        baseline=overview.baseline.objective_score if overview.baseline else None,
        description=_describe(improved, len(dots), overview),
    )


def best_steps(overview: TaskOverview) -> tuple[Step, ...]:
    """The line of the best score over the experiments, by itself."""
    maximised = is_maximised(overview.objective)
    steps: list[Step] = []
    last = 0
    for experiment in overview.experiments:
        score = experiment.objective_score
        if experiment.current_status.is_finished:
            last = experiment.number
        if score is None or (steps and (score > steps[-1].score) is not maximised):
            continue
        if not steps or score != steps[-1].score:
            steps.append(Step(experiment.number, score))
    return (*steps, *_last_steps(steps, float(last), overview))


def decided_by_final(overview: TaskOverview) -> Experiment | None:
    """The best where a final has chosen it: it need not have the highest score."""
    final = overview.final
    is_decided = final is not None and final.is_done and final.winner is not None
    return overview.best if is_decided else None


def _last_steps(steps: Sequence[Step], last: float, overview: TaskOverview) -> list[Step]:
    if not steps:
        return []
    found = [Step(last, steps[-1].score)]
    best = decided_by_final(overview)
    if best and best.objective_score and best.objective_score != steps[-1].score:
        found.append(Step(last, best.objective_score))
    return found


def _time_unit(longest_s: float) -> tuple[str, float]:
    return next((name, size) for name, size, least in TIME_UNITS if longest_s >= least)


def _ended_s(row: Row, overview: TaskOverview) -> float:
    ended = row.experiment.completed_at if row.experiment else None
    if ended is None or overview.started_at is None:
        return 0.0
    return max((ended - overview.started_at).total_seconds(), 0.0)


def _improvements(dots: Sequence[Dot], *, maximised: bool) -> list[Dot]:
    """Those that were the best when they ended."""
    found: list[Dot] = []
    for dot in dots:
        if not found or (
            (dot.score > found[-1].score) is maximised and dot.score != found[-1].score
        ):
            found.append(dot)
    return found


def _thinned(dots: Sequence[Dot], improved: Sequence[Dot]) -> list[Dot]:
    """All that improved, and of the others so many as can be told apart."""
    if len(dots) <= MAX_DOTS:
        return list(dots)
    kept = {dot.number for dot in improved} | {
        dot.number for dot in dots if dot.kind in {Kind.BEST, Kind.BASELINE}
    }
    others = [dot for dot in dots if dot.number not in kept]
    kept |= {part[len(part) // 2].number for part in chunks(others, MAX_DOTS)}
    return [dot for dot in dots if dot.number in kept]


def _describe(improved: Sequence[Dot], measured: int, overview: TaskOverview) -> str:
    if not improved:
        return "A line appears here with the first experiment that has a score."
    first, best = improved[0], improved[-1]
    of = f"After {measured} experiments with a score" if measured > 1 else "After one experiment"
    decided = decided_by_final(overview)
    highest = "the best" if decided is None or decided.number == best.number else "the best single"
    score = f"{words.number(best.score)} {overview.unit}"
    parts = [f"{of} {highest} is {score}, reached with {words.experiment(best.number)}."]
    if len(improved) > 1:
        direction = "rose" if best.score > first.score else "fell"
        times = f"{len(improved) - 1} times" if len(improved) > 2 else "once"
        parts.append(f"It began with {words.number(first.score)} and {direction} {times}.")
    if decided is not None and decided.number != best.number:
        chosen = words.number(decided.objective_score or 0.0)
        parts.append(f"The final chose {words.experiment(decided.number)}, with {chosen}.")
    if measured > MAX_DOTS:
        parts.append("Of the other experiments some are left out of the drawing.")
    return " ".join(parts)
