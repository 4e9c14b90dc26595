"""Draws the objective scores: a bar for each experiment, or dots where they are many."""

from typing import Any

from experiments_app.charts.draw import (
    COLOURS,
    LINKED,
    TEXT,
    Size,
    data,
    finished,
    kind_colour,
    lines,
    record,
    tick_format,
)
from experiments_app.charts.kinds import Kind
from experiments_app.charts.score import ScoreChart

# Bars stand on the axis; what has no score is a small mark there: shape and angle.
MARKS = {
    Kind.INFEASIBLE: ("triangle-up", 0),
    Kind.PRUNED: ("circle", 0),
    Kind.FAILED: ("cross", 45),
}
HEADROOM = 1.08
MAX_TICKS = 26
MAX_BAR = 56


def specify(chart: ScoreChart, size: Size) -> dict[str, Any]:
    import altair as alt

    x = _numbers(chart, size)
    reached = [mark.score for mark in chart.marks if mark.score is not None]
    reached += [bar.spread[1] for bar in chart.bars if bar.spread]
    reached += [group.worst for group in chart.groups if group.worst is not None]
    highest = max(reached, default=1.0)
    y = alt.Y(
        "score:Q",
        title=lines(chart.axis or chart.unit),
        # Room above the highest bar for its star, which would else stand in the legend.
        scale=alt.Scale(domainMin=0, domainMax=HEADROOM * (highest or 1.0), nice=True),
        axis=alt.Axis(tickCount=5, format=tick_format(reached)),
    )
    common = {"x": x, "color": kind_colour(chart.kinds, size), **LINKED}
    layers = [
        *(_groups(chart, x, y, common) if chart.groups else _bars(chart, size, y, common)),
        *_default_line(chart),
        *(_shares(chart, x) if chart.groups else _without_score(chart, common)),
        *_spreads(chart, x),
    ]
    best = [record(bar) for bar in chart.bars if bar.kind is Kind.BEST and bar.score is not None]
    star = alt.Chart(data(best)).mark_text(
        text="★", fontSize=15, dy=-10, color=COLOURS[Kind.BEST], aria=False
    )
    layers.append(star.encode(x=x, y=y))
    return finished(alt.layer(*layers), size)


def _numbers(chart: ScoreChart, size: Size) -> Any:
    import altair as alt

    title = "Experiment (0 is the default)"
    if chart.groups:
        scale = alt.Scale(domain=[-0.01 * chart.slots, chart.slots], nice=False)
        axis = alt.Axis(tickCount=6, format=",d")
        return alt.X("number:Q", title=title, scale=scale, axis=axis)
    numbers = list(range(chart.slots))
    step = -(-chart.slots // (MAX_TICKS // 2 if size.is_narrow else MAX_TICKS))
    return alt.X(
        "number:O",
        scale=alt.Scale(domain=numbers, paddingInner=0.25, paddingOuter=0.2),
        title=title,
        axis=alt.Axis(values=numbers[::step], labelAngle=0, ticks=False),
    )


def _bars(chart: ScoreChart, size: Size, y: Any, common: dict[str, Any]) -> list[Any]:
    import altair as alt

    # Bars fill their slots, but a few never become walls.
    wide = size.width / max(chart.slots, 1) > 2 * MAX_BAR
    measured = [record(bar) for bar in chart.bars if bar.score is not None]
    bars = alt.Chart(data(measured)).mark_bar(
        cornerRadiusEnd=2, **({"size": MAX_BAR} if wide else {})
    )
    return [bars.encode(y=y, **common)]


def _groups(chart: ScoreChart, x: Any, y: Any, common: dict[str, Any]) -> list[Any]:
    import altair as alt

    scored = [record(group) for group in chart.groups if group.score is not None]
    single = [record(bar) for bar in chart.bars if bar.score is not None]
    spans = alt.Chart(data(scored)).mark_rule(
        color=COLOURS[Kind.MEASURED], strokeWidth=3, opacity=0.4, aria=False
    )
    dots = alt.Chart(data(scored)).mark_circle(size=30, opacity=1)
    singles = alt.Chart(data(single)).mark_circle(size=70, opacity=1)
    return [
        spans.encode(x=x, y=y, y2="worst:Q"),
        dots.encode(y=y, **common),
        singles.encode(y=y, **common),
    ]


def _default_line(chart: ScoreChart) -> list[Any]:
    import altair as alt

    if chart.baseline is None:
        return []
    line = alt.Chart(data([{"score": chart.baseline}])).mark_rule(
        strokeDash=[4, 3], color=COLOURS[Kind.BASELINE], aria=False
    )
    return [line.encode(y="score:Q")]


def _without_score(chart: ScoreChart, common: dict[str, Any]) -> list[Any]:
    import altair as alt

    layers = []
    for kind, (shape, angle) in MARKS.items():
        marks = [record(mark) for mark in chart.bars if mark.kind is kind]
        if marks:
            points = alt.Chart(data(marks)).mark_point(
                shape=shape, angle=angle, filled=True, size=80, opacity=1, yOffset=-8
            )
            layers.append(points.encode(y=alt.datum(0), **common))
    return layers


def _shares(chart: ScoreChart, x: Any) -> list[Any]:
    """How many of a group have no score: the stronger the square, the more of them."""
    import altair as alt

    layers = []
    for kind, name, offset in (
        (Kind.FAILED, "failed_share", -4),
        (Kind.INFEASIBLE, "infeasible_share", -11),
    ):
        some = [record(group) for group in chart.groups if getattr(group, name)]
        if some:
            squares = alt.Chart(data(some)).mark_square(
                size=26, yOffset=offset, color=COLOURS[kind], aria=False
            )
            strength = alt.Opacity(
                f"{name}:Q", scale=alt.Scale(domain=[0, 0.5], range=[0.35, 1]), legend=None
            )
            layers.append(squares.encode(x=x, y=alt.datum(0), opacity=strength))
    return layers


def _spreads(chart: ScoreChart, x: Any) -> list[Any]:
    import altair as alt

    spreads = [
        {"number": bar.number, "low": bar.spread[0], "high": bar.spread[1]}
        for bar in chart.bars
        if bar.spread
    ]
    if not spreads:
        return []
    ranges = alt.Chart(data(spreads))
    rule = ranges.mark_rule(color=TEXT, strokeWidth=1.5, aria=False)
    ends = ranges.mark_tick(orient="horizontal", color=TEXT, size=9, thickness=1.5, aria=False)
    return [
        rule.encode(x=x, y="low:Q", y2="high:Q"),
        ends.encode(x=x, y="low:Q"),
        ends.encode(x=x, y="high:Q"),
    ]
