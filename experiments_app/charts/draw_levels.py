"""Draws throughput against latency: a line for each experiment, a panel for each scenario."""

from typing import Any

from experiments_app.charts.draw import (
    COLOURS,
    LINKED,
    MUTED,
    SERIES,
    TEXT,
    Size,
    data,
    finished,
    legend,
    record,
    tick_format,
)
from experiments_app.charts.kinds import Kind
from experiments_app.charts.levels import LevelPoint, LevelsChart, Panel

ROLES = {"best": COLOURS[Kind.BEST], "baseline": COLOURS[Kind.BASELINE]}
SHAPES = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "circle",
    "square",
)
FRONT, FRONT_COLOUR = "Pareto front", "var(--front)"
SLO, SLO_COLOUR = "SLO", "var(--bad)"
LOG_FROM = 30.0
LONG_NAME = 18
HALF = Size(316, 210)
NARROW_PANEL = Size(306, 200)


def specify(chart: LevelsChart, size: Size) -> dict[str, Any]:
    import altair as alt

    colour, shape = _scales(chart, size)
    if len(chart.panels) == 1:
        return finished(_panel(chart.panels[0], chart, colour, shape), size)
    room = NARROW_PANEL if size.is_narrow else HALF
    panels = [
        _panel(panel, chart, colour, shape).properties(
            width=room.width, height=room.height, title=panel.scenario
        )
        for panel in chart.panels
    ]
    return finished(alt.concat(*panels, columns=1 if size.is_narrow else 2, spacing=18))


def _scales(chart: LevelsChart, size: Size) -> tuple[Any, Any]:
    """Colours and shapes: the same for a series in every panel, in one legend."""
    import altair as alt

    names = [series.name for series in chart.series]
    others = iter(SERIES * 2)
    colours = [ROLES.get(series.role) or next(others) for series in chart.series]
    shapes = [SHAPES[index % len(SHAPES)] for index in range(len(names))]
    if any(len(panel.front) > 1 for panel in chart.panels):
        names, colours, shapes = [*names, FRONT], [*colours, FRONT_COLOUR], [*shapes, "stroke"]
    if any(panel.bound is not None for panel in chart.panels):
        names, colours, shapes = [*names, SLO], [*colours, SLO_COLOUR], [*shapes, "stroke"]
    # Names of tasks are long, and wider in a browser than where the chart is laid out.
    is_long = max(map(len, names), default=0) > LONG_NAME
    columns = (1 if is_long else 2) if size.is_narrow else (3 if is_long else 6)
    padding = 40 if is_long else 22
    key = legend(
        size, columns=columns, columnPadding=padding, symbolStrokeWidth=2.5, labelLimit=190
    )
    colour = alt.Color("series:N", scale=alt.Scale(domain=names, range=colours), legend=key)
    shape = alt.Shape("series:N", scale=alt.Scale(domain=names, range=shapes), legend=key)
    return colour, shape


def _panel(panel: Panel, chart: LevelsChart, colour: Any, shape: Any) -> Any:
    import altair as alt

    rates = [p.throughput for p in panel.points]
    latencies = [p.latency for p in panel.points]
    latencies += [] if panel.bound is None else [panel.bound]
    x = alt.X("throughput:Q", title=chart.x_title, **_axis(rates))
    y = alt.Y("latency:Q", title=chart.y_title, **_axis(latencies))
    layers = []
    if panel.bound is not None:
        bound = data([{"latency": panel.bound, "series": SLO}])
        rule = alt.Chart(bound).mark_rule(strokeDash=[5, 4], strokeWidth=1.5, aria=False)
        layers.append(rule.encode(y=y, color=colour))
    if len(panel.front) > 1:
        front = [record(point) | {"series": FRONT} for point in panel.front]
        halo = alt.Chart(data(front)).mark_line(
            strokeWidth=11, strokeCap="round", strokeJoin="round", opacity=1, aria=False
        )
        layers.append(halo.encode(x=x, y=y, color=colour, order="throughput:Q"))
    records = [record(point) for point in panel.points]
    lines = alt.Chart(data(records)).mark_line(strokeWidth=1.75, aria=False)
    layers.append(lines.encode(x=x, y=y, color=colour, order="concurrency:Q"))
    layers += _ranges(panel, x, y, colour)
    for feasible in (True, False):
        some = [r for r in records if r["feasible"] is feasible]
        look = {} if feasible else {"fill": "var(--surface)", "strokeWidth": 2}
        if some:
            points = alt.Chart(data(some)).mark_point(filled=feasible, size=70, opacity=1, **look)
            layers.append(points.encode(x=x, y=y, color=colour, shape=shape, **LINKED))
    labels = alt.Chart(data(_labelled(panel))).mark_text(
        dy=-11, fontSize=11, color=MUTED, aria=False
    )
    layers.append(labels.encode(x=x, y=y, text="concurrency:N"))
    return alt.layer(*layers)


def _axis(values: list[float]) -> dict[str, Any]:
    import altair as alt

    positive = [value for value in values if value > 0]
    is_log = len(positive) == len(values) and max(values) > LOG_FROM * min(values)
    axis = alt.Axis(tickCount=5, format=tick_format(values), grid=True)
    if is_log:
        low, high = min(values) / 1.3, max(values) * 1.3
        return {"scale": alt.Scale(type="log", domain=[low, high], nice=False), "axis": axis}
    return {"scale": alt.Scale(domain=[0, 1.1 * (max(values) or 1.0)], nice=True), "axis": axis}


def _labelled(panel: Panel) -> list[dict[str, Any]]:
    """Concurrency stands at the points of one line, which are in the same order on all."""
    first = panel.points[0].series
    chosen = next((p.series for p in panel.points if p.series.startswith("★")), first)
    return [record(point) for point in panel.points if point.series == chosen]


def _ranges(panel: Panel, x: Any, y: Any, colour: Any) -> list[Any]:
    import altair as alt

    layers = []
    along_y = [_range(p, p.latency_range) for p in panel.points if p.latency_range]
    along_x = [_range(p, p.throughput_range) for p in panel.points if p.throughput_range]
    if along_y:
        rule = alt.Chart(data(along_y)).mark_rule(strokeWidth=1.5, aria=False, stroke=TEXT)
        layers.append(rule.encode(x=x, y="low:Q", y2="high:Q"))
    if along_x:
        rule = alt.Chart(data(along_x)).mark_rule(strokeWidth=1.5, aria=False, stroke=TEXT)
        layers.append(rule.encode(y=y, x="low:Q", x2="high:Q"))
    return layers


def _range(point: LevelPoint, limits: tuple[float, float]) -> dict[str, Any]:
    return record(point) | {"low": limits[0], "high": limits[1]}
