"""The charts of a run for its pages: one at a time behind tabs, or all below each other."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.cache import cache
from django.http import QueryDict
from django.urls import reverse

from experiments_app.charts.choices import controls
from experiments_app.charts.draw import CACHE_S, DRAWING, Chart
from experiments_app.charts.drawn import Drawn, drawn_of
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.registry import CHARTS, DEFAULT, ChartType, charts_of
from experiments_app.charts.source import ChartSource
from experiments_app.standing import Standing


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
    def standing(self) -> Standing:
        return self.source.standing

    @cached_property
    def options(self) -> ChartOptions:
        return ChartOptions.from_query(self.query)

    @cached_property
    def chart(self) -> Chart:
        return self.type.build(self.source, self.options)

    @cached_property
    def drawn(self) -> Drawn:
        """The same for everybody who looks at the run as it stands now: made once."""
        key = f"drawn-{_stamp(self.standing, self.type.name, self.options.to_query())}"
        drawn: Drawn | None = cache.get(key)
        if drawn is None:
            made = self.type.choices
            chosen = controls(made, self.source.overview, self.options) if made else ()
            drawn = drawn_of(self.chart, self.type.specify, chosen)
            cache.set(key, drawn, CACHE_S)
        return drawn

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What else stands in the address and stays there when the form is sent."""
        own = {control.name for control in self.drawn.controls} | {"chart", "seen"}
        return [(n, value) for n in self.query for value in self.query.getlist(n) if n not in own]

    @property
    def path(self) -> str:
        return reverse("task_chart", args=[self.standing.task.pk, self.type.name])

    @property
    def downloads(self) -> list[tuple[str, str]]:
        """What a link says, and where it leads."""
        query = self.options.to_query()
        run = f"run={self.standing.run}&"
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
        return version_of(self.view.standing)

    @property
    def tabs(self) -> list[Tab]:
        return [
            Tab(chart.label, with_chart(self.view.query, chart), chart is self.view.type)
            for chart in charts_of(self.view.standing.spec)
        ]

    @property
    def query(self) -> str:
        """This view's own address, behind the `?`."""
        return with_chart(self.view.query, self.view.type)


def version_of(standing: Standing) -> str:
    """Changes whenever a chart of the run may look different."""
    return f"{standing.run}-{standing.finished}-{standing.total}-{standing.status}"


def _stamp(standing: Standing, *others: object) -> str:
    """Names a chart of the run as it stands, among all that are kept."""
    task = standing.task
    parts = (
        DRAWING, task.pk, task.created_at, task.version, version_of(standing), standing.made,
        standing.last_ended_at, standing.completed_at, *others,
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def with_chart(query: QueryDict, chart: ChartType) -> str:
    changed = query.copy()
    changed["chart"] = chart.name
    changed.pop("seen", None)  # what a poll of the page has seen
    return changed.urlencode()


def chart_context(query: QueryDict, standing: Standing, *, is_poll: bool) -> dict[str, Any]:
    """What `tasks_app/_charts.html` needs. A poll is told the version alone: that costs nothing."""
    context: dict[str, Any] = {"charts_version": version_of(standing)}
    if not is_poll:
        context["charts"] = section(query, standing)
    return context


def section(query: QueryDict, standing: Standing) -> ChartSection:
    usual = "front" if standing.spec.optimization.objectives else DEFAULT
    chosen = CHARTS.get(query.get("chart", ""), CHARTS[usual])
    return ChartSection(ChartView(chosen, ChartSource(standing), query))


def all_views(query: QueryDict, standing: Standing) -> Iterable[ChartView]:
    source = ChartSource(standing)
    return [ChartView(chart, source, query) for chart in charts_of(standing.spec)]
