"""Draws how the best scores of several runs grew: a line of steps for each."""

from typing import Any

from experiments_app.charts.compared import ComparedProgressChart
from experiments_app.charts.draw import (
    LINKED,
    SERIES,
    Size,
    data,
    finished,
    legend,
    lines,
    num_whole_ticks,
    tick_format,
)
from experiments_app.charts.draw_levels import SHAPES
from experiments_app.charts.draw_progress import domain


def specify(chart: ComparedProgressChart, size: Size) -> dict[str, Any]:
    import altair as alt

    names = [line.name for line in chart.lines]
    records = [
        {
            "x": step.x,
            "score": step.score,
            "series": line.name,
            "tooltip": tooltip,
            "address": f"http://page.invalid{line.path}",
        }
        for line in chart.lines
        for step, tooltip in zip(line.steps, line.tooltips, strict=True)
    ]
    scores = [step.score for line in chart.lines for step in line.steps]
    farthest = max(step.x for line in chart.lines for step in line.steps)
    x = alt.X(
        "x:Q",
        title="Experiment",
        scale=alt.Scale(domain=[0, max(farthest, 1)], nice=False),
        axis=alt.Axis(tickCount=num_whole_ticks(farthest, size), tickMinStep=1, format=",d"),
    )
    y = alt.Y(
        "score:Q",
        title=lines(chart.axis),
        scale=alt.Scale(domain=domain(scores), zero=False, nice=True),
        axis=alt.Axis(tickCount=5, format=tick_format(scores)),
    )
    # Names of tasks are long, and wider in a browser than where the chart is laid out.
    key = legend(size, columns=1 if size.is_narrow else 2, columnPadding=64, labelLimit=300)
    colour = alt.Color(
        "series:N", scale=alt.Scale(domain=names, range=list(SERIES[: len(names)])), legend=key
    )
    shape = alt.Shape(
        "series:N", scale=alt.Scale(domain=names, range=list(SHAPES[: len(names)])), legend=key
    )
    every = alt.Chart(data(records))
    steps = every.mark_line(interpolate="step-after", strokeWidth=2.5, aria=False)
    points = every.mark_point(filled=True, size=55, opacity=1)
    layered = alt.layer(
        steps.encode(x=x, y=y, color=colour),
        points.encode(x=x, y=y, color=colour, shape=shape, **LINKED),
    )
    return finished(layered, size)
