"""The charts of compared runs, for their page and as files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.http import QueryDict
from django.urls import reverse

from experiments_app.charts import draw_compared, draw_levels
from experiments_app.charts.choices import Control, latency_controls
from experiments_app.charts.compared import compared_levels, compared_progress
from experiments_app.charts.draw import Chart, Specify
from experiments_app.charts.drawn import Drawn, drawn_of
from experiments_app.charts.levels import latency_of
from experiments_app.charts.options import ChartOptions
from experiments_app.run_comparison import ComparedRun

Build = Callable[[Sequence[ComparedRun], ChartOptions], Chart]
COMPARED: Mapping[str, tuple[Build, Specify]] = {
    "progress": (compared_progress, draw_compared.specify),
    "levels": (compared_levels, draw_levels.specify),
}


@dataclass(frozen=True)
class ComparedView:
    """One chart, as `tasks_app/_chart.html` shows it."""

    name: str
    runs: Sequence[ComparedRun]
    query: QueryDict

    @property
    def options(self) -> ChartOptions:
        return ChartOptions.from_query(self.query)

    @cached_property
    def chart(self) -> Chart:
        return COMPARED[self.name][0](self.runs, self.options)

    @property
    def specify(self) -> Specify:
        return COMPARED[self.name][1]

    @cached_property
    def drawn(self) -> Drawn:
        return drawn_of(self.chart, self.specify, self._controls)

    @property
    def _controls(self) -> tuple[Control, ...]:
        if self.name != "levels" or not self.runs:
            return ()
        return tuple(latency_controls(latency_of(self.runs[0].overview.spec, self.options)))

    @property
    def kept(self) -> list[tuple[str, str]]:
        own = {control.name for control in self._controls}
        return [(n, value) for n in self.query for value in self.query.getlist(n) if n not in own]

    @property
    def downloads(self) -> list[tuple[str, str]]:
        def address(kind: str, theme: str) -> str:
            query = self.query.copy()
            query["theme"] = theme
            path = reverse("compared_chart_file", args=[self.name, kind])
            return f"{path}?{query.urlencode()}"

        return [
            (f"{kind.upper()}, {theme}", address(kind, theme))
            for kind in ("svg", "png")
            for theme in ("light", "dark")
        ]


def compared_views(runs: Sequence[ComparedRun], query: QueryDict) -> list[ComparedView]:
    return [ComparedView(name, runs, query) for name in COMPARED]
