"""Draws the score over two parameters: the stronger the colour, the better the mean."""

import json
from typing import Any

from experiments_app.charts.draw import LINKED, Size, data, finished, legend, record
from experiments_app.charts.heat_map import LEVELS, HeatMapChart

ROW = 46
LETTER = 7.2


def specify(chart: HeatMapChart, size: Size) -> dict[str, Any]:
    import altair as alt

    room = size.width - 90
    crowded = max(map(len, chart.x_labels)) * LETTER > room / len(chart.x_labels)
    x = alt.X(
        "x:O",
        title=chart.x_name,
        scale=alt.Scale(domain=list(chart.x_labels), padding=0.04),
        axis=alt.Axis(labelAngle=-30 if crowded else 0, labelLimit=110, ticks=False, domain=False),
    )
    y = alt.Y(
        "y:O",
        title=chart.y_name,
        scale=alt.Scale(domain=list(chart.y_labels)[::-1], padding=0.04),
        axis=alt.Axis(labelLimit=70 if size.is_narrow else 130),
    )
    levels = list(range(1, LEVELS + 1))
    colour = alt.Color(
        "level:O",
        scale=alt.Scale(domain=levels, range=[f"var(--heat-{level})" for level in levels]),
        legend=legend(
            size,
            symbolType="square",
            columns=4 if size.is_narrow else 0,
            labelExpr=f"{json.dumps(list(chart.levels))}[datum.value - 1]",
        ),
    )
    records = [record(field) for field in chart.fields]
    squares = alt.Chart(data(records)).mark_rect(cornerRadius=3)
    layers = [squares.encode(x=x, y=y, color=colour, **LINKED)]
    longest = max(len(field.text) for field in chart.fields) + 2
    if longest * LETTER < room / len(chart.x_labels):
        layers += _texts(records, x, y)
    else:
        layers += _texts([r | {"text": ""} for r in records if r["has_best"]], x, y)
    height = max(ROW * len(chart.y_labels), 120) + 90
    return finished(alt.layer(*layers), Size(size.width, height))


def _texts(records: list[dict[str, Any]], x: Any, y: Any) -> list[Any]:
    import altair as alt

    layers = []
    for level in sorted({r["level"] for r in records}):
        own = [
            r | {"text": f"★ {r['text']}".strip() if r["has_best"] else r["text"]}
            for r in records
            if r["level"] == level
        ]
        text = alt.Chart(data(own)).mark_text(
            fontSize=12, color=f"var(--heat-{level}-text)", aria=False
        )
        layers.append(text.encode(x=x, y=y, text="text:N"))
    return layers
