"""The charts of a run by their names: a new chart is two modules and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from experiments_app.charts import (
    draw_effects,
    draw_front,
    draw_heat_map,
    draw_importance,
    draw_levels,
    draw_parallel,
    draw_progress,
    draw_score,
)
from experiments_app.charts.draw import Chart, Specify
from experiments_app.charts.effects import effects_chart
from experiments_app.charts.front import front_chart
from experiments_app.charts.heat_map import heat_map_chart
from experiments_app.charts.importance import importance_chart
from experiments_app.charts.levels import levels_chart
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.parallel import parallel_chart
from experiments_app.charts.progress import progress_chart
from experiments_app.charts.score import score_chart
from experiments_app.charts.source import ChartSource
from tasks_app.spec import TaskSpec


@dataclass(frozen=True)
class ChartType:
    """`label` is short, for a tab; `choices` names the parts of the form that it heeds;
    `several_only`: it is of several objectives."""

    name: str
    label: str
    build: Callable[[ChartSource, ChartOptions], Chart]
    specify: Specify
    choices: tuple[str, ...] = ()
    several_only: bool = False


CHARTS: Mapping[str, ChartType] = {
    chart.name: chart
    for chart in (
        ChartType("score", "Scores", score_chart, draw_score.specify),
        ChartType("progress", "Progress", progress_chart, draw_progress.specify, ("over",)),
        ChartType("front", "Front", front_chart, draw_front.specify, several_only=True),
        ChartType(
            "levels", "Load levels", levels_chart, draw_levels.specify, ("latency", "experiments")
        ),
        ChartType("effects", "Effects", effects_chart, draw_effects.specify),
        ChartType("importance", "Importance", importance_chart, draw_importance.specify),
        ChartType("parallel", "All values", parallel_chart, draw_parallel.specify),
        ChartType("heat-map", "Heat map", heat_map_chart, draw_heat_map.specify, ("pair",)),
    )
}
DEFAULT = "score"


def charts_of(spec: TaskSpec) -> list[ChartType]:
    """Those that there are of a task."""
    several = bool(spec.optimization.objectives)
    return [chart for chart in CHARTS.values() if several or not chart.several_only]
