"""Draws the score against each parameter: dots, and the mean of each value."""

from typing import Any

from experiments_app.charts.draw import (
    COLOURS,
    LINKED,
    Size,
    data,
    finished,
    kind_colour,
    lines,
    record,
    tick_format,
)
from experiments_app.charts.draw_progress import domain
from experiments_app.charts.effects import EffectPanel, EffectsChart
from experiments_app.charts.kinds import Kind

PANEL = Size(196, 150)
WIDE_PANEL = Size(306, 180)
NARROW_PANEL = Size(290, 140)
LONGEST_NAME = 34


def specify(chart: EffectsChart, size: Size) -> dict[str, Any]:
    import altair as alt

    few = len(chart.panels) <= 2
    room = NARROW_PANEL if size.is_narrow else WIDE_PANEL if few else PANEL
    scores = [dot.score for panel in chart.panels for dot in panel.dots]
    scores += [] if chart.baseline is None else [chart.baseline]
    columns = 1 if size.is_narrow else min(len(chart.panels), 3)
    used = {dot.kind for panel in chart.panels for dot in panel.dots}
    colour = kind_colour([kind for kind in Kind if kind in used], size)
    panels = []
    for index, panel in enumerate(chart.panels):
        y = alt.Y(
            "score:Q",
            title=lines(chart.axis) if index % columns == 0 else None,
            scale=alt.Scale(domain=domain(scores), zero=False, nice=True),
            axis=alt.Axis(tickCount=4, format=tick_format(scores)),
        )
        panels.append(
            _panel(panel, chart, y, colour).properties(
                width=room.width,
                height=room.height,
                title=alt.Title(panel.name, limit=room.width),
            )
        )
    return finished(alt.concat(*panels, columns=columns, spacing=14))


def _panel(panel: EffectPanel, chart: EffectsChart, y: Any, colour: Any) -> Any:
    import altair as alt

    x = _x(panel)
    layers = []
    if chart.baseline is not None:
        rule = alt.Chart(data([{"score": chart.baseline}])).mark_rule(
            strokeDash=[4, 3], color=COLOURS[Kind.BASELINE], aria=False
        )
        layers.append(rule.encode(y=y))
    dots = alt.Chart(data(record(dot) for dot in panel.dots)).mark_circle(size=34, opacity=0.9)
    layers.append(dots.encode(x=x, y=y, color=colour, **LINKED))
    means = alt.Chart(
        data({"value": m.value, "label": m.label, "score": m.score} for m in panel.means)
    )
    if panel.labels:
        mark = means.mark_tick(
            orient="horizontal", thickness=2.5, size=24, color="var(--accent)", aria=False
        )
    else:
        mark = means.mark_line(strokeWidth=2.5, color="var(--accent)", aria=False)
    layers.append(mark.encode(x=x, y=y))
    best = [record(dot) for dot in panel.dots if dot.kind is Kind.BEST]
    star = alt.Chart(data(best)).mark_text(
        text="★", fontSize=13, dy=-11, color=COLOURS[Kind.BEST], aria=False
    )
    layers.append(star.encode(x=x, y=y))
    return alt.layer(*layers)


def _x(panel: EffectPanel) -> Any:
    import altair as alt

    if panel.labels:
        longest = max(map(len, panel.labels))
        crowded = longest * len(panel.labels) > LONGEST_NAME
        return alt.X(
            "label:O",
            title=None,
            scale=alt.Scale(domain=list(panel.labels), padding=0.4),
            axis=alt.Axis(labelAngle=-35 if crowded else 0, labelLimit=90, ticks=False),
        )
    values = [dot.value for dot in panel.dots] + [mean.value for mean in panel.means]
    kind = "log" if panel.is_log else "linear"
    return alt.X(
        "value:Q",
        title=None,
        scale=alt.Scale(type=kind, domain=[min(values), max(values)], nice=False, padding=6),
        axis=alt.Axis(tickCount=4, format=tick_format(values), labelOverlap=True),
    )
