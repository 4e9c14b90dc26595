"""Draws parallel coordinates: a line for each experiment through all its values."""

from typing import Any

from experiments_app.charts.draw import COLOURS, LINKED, TEXT, Size, data, finished, legend
from experiments_app.charts.kinds import Kind
from experiments_app.charts.parallel import BANDS, BEST, LOW, MIDDLE, TOP, ParallelChart, Strand

STYLES = {
    LOW: ("var(--line-strong)", 1.0),
    MIDDLE: ("var(--bar)", 1.25),
    TOP: ("var(--series-1)", 1.5),
    BEST: (COLOURS[Kind.BEST], 3.5),
}
NARROW_AXES = 4
LETTER = 6.6
LONGEST_LABEL = 14


def specify(chart: ParallelChart, size: Size) -> dict[str, Any]:
    import altair as alt

    shown = list(range(len(chart.axes)))
    if size.is_narrow and len(shown) > NARROW_AXES:
        shown = [*shown[: NARROW_AXES - 1], shown[-1]]
    names = [chart.axes[index].name for index in shown]
    crowded = max(map(len, names)) * LETTER > size.width / len(names)
    x = alt.X(
        "name:N",
        sort=None,
        title=None,
        scale=alt.Scale(domain=names, padding=0.35),
        axis=alt.Axis(
            labelAngle=-18 if crowded else 0,
            labelLimit=170,
            labelColor=TEXT,
            labelFontWeight="bold",
            ticks=False,
            domain=False,
        ),
    )
    y = alt.Y("height:Q", scale=alt.Scale(domain=[-0.05, 1.05]), axis=None)
    rules = alt.Chart(data({"name": n, "height": 0, "end": 1} for n in names)).mark_rule(
        color="var(--line-strong)", aria=False
    )
    used = [band for band in BANDS if any(strand.band == band for strand in chart.strands)]
    colour = alt.Color(
        "band:N",
        scale=alt.Scale(domain=used[::-1], range=[STYLES[band][0] for band in used[::-1]]),
        legend=legend(size, symbolType="stroke", symbolStrokeWidth=3, columns=4),
    )
    layers = [rules.encode(x=x, y=y, y2="end:Q")]
    for band in used:
        some = [r for s in chart.strands if s.band == band for r in _records(s, shown, names)]
        strand = alt.Chart(data(some)).mark_line(strokeWidth=STYLES[band][1], strokeJoin="round")
        layers.append(strand.encode(x=x, y=y, color=colour, detail="number:N", **LINKED))
    layers += _labels(chart, shown, x, y)
    return finished(alt.layer(*layers), Size(size.width, size.height + 40))


def _records(strand: Strand, shown: list[int], names: list[str]) -> list[dict[str, Any]]:
    common = {
        "number": strand.number,
        "band": strand.band,
        "tooltip": strand.tooltip,
        "address": f"http://page.invalid{strand.path}",
    }
    return [
        common | {"name": name, "height": strand.heights[index]}
        for index, name in zip(shown, names, strict=True)
    ]


def _labels(chart: ParallelChart, shown: list[int], x: Any, y: Any) -> list[Any]:
    """Values beside their axes, readable over the lines."""
    import altair as alt

    marks = [
        {"name": axis.name, "height": mark.height, "label": _short(mark.label)}
        for axis in (chart.axes[index] for index in shown)
        for mark in axis.marks
    ]
    texts = alt.Chart(data(marks))
    look = {"align": "left", "dx": 5, "fontSize": 11, "aria": False}
    halo = texts.mark_text(
        color="var(--surface)", stroke="var(--surface)", strokeWidth=4, strokeJoin="round", **look
    )
    text = texts.mark_text(color=TEXT, **look)
    return [mark.encode(x=x, y=y, text="label:N") for mark in (halo, text)]


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
