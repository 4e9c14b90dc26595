"""Draws several objectives against one another, the front joined."""

from typing import Any

from experiments_app.charts.draw import (
    LINKED,
    MUTED,
    Size,
    data,
    finished,
    kind_colour,
    record,
    tick_format,
)
from experiments_app.charts.front import FrontChart, FrontPanel
from experiments_app.charts.kinds import Kind

FRONT_COLOUR = "var(--front)"
HALF = Size(316, 210)
NARROW_PANEL = Size(306, 200)
ROOM = 0.12


def specify(chart: FrontChart, size: Size) -> dict[str, Any]:
    import altair as alt

    used = {point.kind for panel in chart.panels for point in panel.points}
    colour = kind_colour(tuple(kind for kind in Kind if kind in used), size)
    if len(chart.panels) == 1:
        return finished(_panel(chart.panels[0], colour), size)
    room = NARROW_PANEL if size.is_narrow else HALF
    panels = [
        _panel(panel, colour).properties(width=room.width, height=room.height)
        for panel in chart.panels
    ]
    return finished(alt.concat(*panels, columns=1 if size.is_narrow else 2, spacing=18))


def _panel(panel: FrontPanel, colour: Any) -> Any:
    import altair as alt

    x = alt.X("x:Q", title=panel.x_title, **_axis([point.x for point in panel.points]))
    y = alt.Y("y:Q", title=panel.y_title, **_axis([point.y for point in panel.points]))
    front = [record(point) for point in panel.front]
    layers = []
    if len(front) > 1:
        line = alt.Chart(data(front)).mark_line(
            strokeWidth=9, strokeCap="round", strokeJoin="round", stroke=FRONT_COLOUR, aria=False
        )
        layers.append(line.encode(x=x, y=y, order="x:Q"))
    for on_front in (False, True):
        some = [record(point) for point in panel.points if point.on_front is on_front]
        if some:
            points = alt.Chart(data(some)).mark_point(
                filled=True, size=110 if on_front else 55, opacity=1
            )
            layers.append(points.encode(x=x, y=y, color=colour, **LINKED))
    named = [record(point) for point in panel.points if point.on_front]
    labels = alt.Chart(data(named)).mark_text(dy=-12, fontSize=11, color=MUTED, aria=False)
    layers.append(labels.encode(x=x, y=y, text="number:N"))
    return alt.layer(*layers)


def _axis(values: list[float]) -> dict[str, Any]:
    """Around the values: what counts is how they differ."""
    import altair as alt

    low, high = min(values, default=0.0), max(values, default=1.0)
    room = ROOM * (high - low) or ROOM * abs(high) or 1.0
    axis = alt.Axis(tickCount=5, format=tick_format(values), grid=True)
    domain = [max(low - room, 0.0) if low >= 0 else low - room, high + room]
    return {"scale": alt.Scale(domain=domain, nice=False, zero=False), "axis": axis}
