"""Whole runs in one chart: their best scores as they grew, their load levels."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from experiments_app import words
from experiments_app.charts.kinds import unit_words
from experiments_app.charts.levels import LevelsChart, Line, Series, chart_of, latency_of
from experiments_app.charts.levels_measured import repeat_of
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.progress import Step, best_steps
from experiments_app.run_comparison import ComparedRun


@dataclass(frozen=True)
class ProgressLine:
    """One run: where its best changed, and what a click on such a place tells and leads to."""

    name: str
    steps: tuple[Step, ...]
    path: str

    @property
    def tooltips(self) -> list[str]:
        return [f"{self.name}: {words.number(step.score)}" for step in self.steps]


@dataclass(frozen=True)
class ComparedProgressChart:
    title: str
    axis: str
    lines: tuple[ProgressLine, ...]
    description: str

    @property
    def has_content(self) -> bool:
        return bool(self.lines)


def compared_progress(runs: Sequence[ComparedRun], options: ChartOptions) -> ComparedProgressChart:
    """Only of runs with the objective of the first: others have another unit."""
    title = "Best score over the experiments"
    if not runs:
        return ComparedProgressChart(title, "", (), "Choose two runs.")
    objective = runs[0].overview.objective
    same = [run for run in runs if run.overview.objective == objective]
    lines = [
        ProgressLine(run.name, steps, _path(run))
        for run in same
        if (steps := best_steps(run.overview))
    ]
    told = [f"{line.name} ends at {words.number(line.steps[-1].score)}" for line in lines]
    left_out = len(runs) - len(same)
    text = "; ".join(told) + "." if told else "No run has a score."
    if left_out:
        text += f" {left_out} with another objective are left out."
    return ComparedProgressChart(title, unit_words(runs[0].overview), tuple(lines), text)


def compared_levels(runs: Sequence[ComparedRun], options: ChartOptions) -> LevelsChart:
    """The experiments that stand for their runs, at all their load levels."""
    lines = [
        Line(
            series=Series(run.name, "other"),
            path=f"/experiments/{run.shown.pk}/",
            repeats=[repeat_of(row, run.shown.number) for row in run.measured],
            spec=run.overview.spec,
        )
        for run in runs
        if run.shown is not None and run.measured
    ]
    latency = latency_of(runs[0].overview.spec, options) if runs else "e2e_mean_s"
    return chart_of(lines, latency)


def _path(run: ComparedRun) -> str:
    return f"{reverse('task_detail', args=[run.key.task])}?run={run.key.run}"
