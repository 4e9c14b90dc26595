"""Several objectives against one another: every experiment, and the front of what nothing beats."""

import itertools
from dataclasses import dataclass

from experiments_app import several, words
from experiments_app.charts.kinds import Kind, finished_rows, kind_of, path_of, tooltip
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.source import ChartSource
from experiments_app.several import title_of, unit_of


@dataclass(frozen=True)
class FrontPoint:
    """One experiment; `on_front`: nothing beats it in all objectives."""

    number: int
    kind: Kind
    x: float
    y: float
    on_front: bool
    tooltip: str
    path: str


@dataclass(frozen=True)
class FrontPanel:
    """Two of the objectives; `front` is what nothing beats in these two, from left to right."""

    x_title: str
    y_title: str
    points: tuple[FrontPoint, ...]
    front: tuple[FrontPoint, ...]


@dataclass(frozen=True)
class FrontChart:
    """A panel for each pair of objectives."""

    title: str
    description: str
    panels: tuple[FrontPanel, ...]

    @property
    def has_content(self) -> bool:
        return any(panel.points for panel in self.panels)


def front_chart(source: ChartSource, options: ChartOptions | None = None) -> FrontChart:
    overview = source.overview
    names = overview.spec.optimization.objectives or []
    front = [experiment.number for experiment in overview.front]
    rows = [row for row in finished_rows(overview) if row.score is not None and row.experiment]
    panels = []
    for x_name, y_name in itertools.combinations(names, 2):
        points = []
        for row in rows:
            scores = row.experiment.scores if row.experiment else {}
            if all(name in scores for name in names):
                reached = [f"{title_of(n)} {words.number(scores[n])} {unit_of(n)}" for n in names]
                told = " · ".join([tooltip(row, overview), *reached])
                on_front = row.number in front
                points.append(
                    FrontPoint(
                        row.number, kind_of(row), scores[x_name], scores[y_name], on_front, told,
                        path_of(row),
                    )
                )  # fmt: skip
        by_number = {p.number: {x_name: p.x, y_name: p.y} for p in points}
        pair = several.front(by_number, (x_name, y_name))
        line = tuple(sorted((p for p in points if p.number in pair), key=lambda p: (p.x, p.y)))
        panels.append(FrontPanel(_axis(x_name), _axis(y_name), tuple(points), line))
    title = " against ".join(title_of(name) for name in names[:2]) or "Several objectives"
    title += "".join(f" and {title_of(name)}" for name in names[2:])
    return FrontChart(title, _describe(names, front, len(rows)), tuple(panels))


def _axis(name: str) -> str:
    return f"{title_of(name)}, {unit_of(name)}"


def _describe(names: list[str], front: list[int], measured: int) -> str:
    if not names:
        return "This task has one objective: optimization.objectives names several."
    if not front:
        return "A point appears here for every feasible experiment."
    numbers = ", ".join("the default" if n == 0 else str(n) for n in front)
    return (
        f"Of {measured} feasible experiments {len(front)} are on the front, where nothing is better"
        f" in one objective without being worse in another: {numbers}."
    )
