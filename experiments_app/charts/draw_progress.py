"""Draws how the best score grew: a line of steps, over the experiments that made it."""

from typing import Any

from experiments_app.charts.draw import (
    COLOURS,
    LINKED,
    Size,
    data,
    finished,
    kind_colour,
    lines,
    num_whole_ticks,
    record,
    tick_format,
)
from experiments_app.charts.kinds import Kind
from experiments_app.charts.progress import ProgressChart

MARGIN = 0.08
MANY_DOTS = 80


def specify(chart: ProgressChart, size: Size) -> dict[str, Any]:
    import altair as alt

    counts = chart.x_title == "Experiment"
    scores = [dot.score for dot in chart.dots]
    if chart.baseline is not None:
        scores.append(chart.baseline)
    x = alt.X(
        "x:Q",
        title=chart.x_title,
        scale=alt.Scale(domain=[0, chart.x_max or 1], nice=False),
        axis=alt.Axis(
            tickCount=num_whole_ticks(chart.x_max if counts else 10, size),
            tickMinStep=1 if counts else 0.1,
            format=",~g" if chart.x_max < 1e3 else ",d",
        ),
    )
    y = alt.Y(
        "score:Q",
        title=lines(chart.axis),
        scale=alt.Scale(domain=domain(scores), zero=False, nice=True),
        axis=alt.Axis(tickCount=5, format=tick_format(scores)),
    )
    steps = alt.Chart(data({"x": step.x, "score": step.score} for step in chart.steps)).mark_line(
        interpolate="step-after", color=COLOURS[Kind.BEST], strokeWidth=2.5, aria=False
    )
    dots = alt.Chart(data(record(dot) for dot in chart.dots)).mark_circle(
        size=24 if len(chart.dots) > MANY_DOTS else 60, opacity=1
    )
    best = [record(dot) for dot in chart.dots if dot.kind is Kind.BEST]
    star = alt.Chart(data(best)).mark_text(
        text="★", fontSize=15, dy=-12, color=COLOURS[Kind.BEST], aria=False
    )
    layers = [steps.encode(x=x, y=y)]
    if chart.baseline is not None:
        line = alt.Chart(data([{"score": chart.baseline}])).mark_rule(
            strokeDash=[4, 3], color=COLOURS[Kind.BASELINE], aria=False
        )
        layers.append(line.encode(y=y))
    layers.append(dots.encode(x=x, y=y, color=kind_colour(chart.kinds, size), **LINKED))
    layers.append(star.encode(x=x, y=y))
    return finished(alt.layer(*layers), size)


def domain(scores: list[float]) -> list[float]:
    """From the lowest to the highest with some air: small gains must be seen."""
    low, high = min(scores), max(scores)
    air = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    return [max(low - air, 0.0) if low >= 0 else low - air, high + 2 * air]
