"""The charts of a run for its pages: one at a time behind tabs, or all below each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from experiments_app.charts.choices import Control, controls
from experiments_app.charts.draw import Chart, draw
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.registry import CHARTS, DEFAULT, ChartType
from experiments_app.charts.source import ChartSource
from experiments_app.overview import TaskOverview


@dataclass(frozen=True)
class Tab:
    label: str
    query: str
    is_shown: bool


@dataclass(frozen=True)
class ChartView:
    """One chart of a run with what the reader chose; everything is made when it is asked for."""

    type: ChartType
    source: ChartSource
    query: QueryDict

    @property
    def overview(self) -> TaskOverview:
        return self.source.overview

    @cached_property
    def options(self) -> ChartOptions:
        return ChartOptions.from_query(self.query)

    @cached_property
    def chart(self) -> Chart:
        return self.type.build(self.source, self.options)

    @cached_property
    def wide(self) -> SafeString:
        return mark_safe(draw(self.chart, self.type.specify))  # noqa: S308  # our own drawing

    @cached_property
    def narrow(self) -> SafeString:
        return mark_safe(draw(self.chart, self.type.specify, narrow=True))  # noqa: S308

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        return controls(self.type.choices, self.overview, self.options)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What else stands in the address and stays there when the form is sent."""
        own = {control.name for control in self.controls} | {"chart", "seen"}
        return [(n, value) for n in self.query for value in self.query.getlist(n) if n not in own]

    @property
    def path(self) -> str:
        return reverse("task_chart", args=[self.overview.task.pk, self.type.name])

    @property
    def downloads(self) -> list[tuple[str, str]]:
        """What a link says, and where it leads."""
        query = self.options.to_query()
        run = f"run={self.overview.run}&"
        return [
            (
                f"{kind.upper()}, {theme}",
                f"{self.path}.{kind}?{run}theme={theme}&{query}".rstrip("&"),
            )
            for kind in ("svg", "png")
            for theme in ("light", "dark")
        ]


@dataclass(frozen=True)
class ChartSection:
    """The part of a task's page that holds its charts."""

    view: ChartView

    @property
    def version(self) -> str:
        return version_of(self.view.overview)

    @property
    def tabs(self) -> list[Tab]:
        return [
            Tab(chart.label, with_chart(self.view.query, chart), chart is self.view.type)
            for chart in CHARTS.values()
        ]

    @property
    def query(self) -> str:
        """This view's own address, behind the `?`."""
        return with_chart(self.view.query, self.view.type)


def version_of(overview: TaskOverview) -> str:
    """Changes whenever a chart of the run may look different."""
    return f"{overview.run}-{overview.finished}-{overview.total}-{overview.status}"


def with_chart(query: QueryDict, chart: ChartType) -> str:
    changed = query.copy()
    changed["chart"] = chart.name
    changed.pop("seen", None)  # what a poll of the page has seen
    return changed.urlencode()


def chart_context(query: QueryDict, overview: TaskOverview, *, is_poll: bool) -> dict[str, Any]:
    """What `tasks_app/_charts.html` needs. A poll is told the version alone: that costs nothing."""
    context: dict[str, Any] = {"charts_version": version_of(overview)}
    if not is_poll:
        context["charts"] = section(query, overview)
    return context


def section(query: QueryDict, overview: TaskOverview) -> ChartSection:
    chosen = CHARTS.get(query.get("chart", ""), CHARTS[DEFAULT])
    return ChartSection(ChartView(chosen, ChartSource(overview), query))


def all_views(query: QueryDict, overview: TaskOverview) -> Iterable[ChartView]:
    source = ChartSource(overview)
    return [ChartView(chart, source, query) for chart in CHARTS.values()]
