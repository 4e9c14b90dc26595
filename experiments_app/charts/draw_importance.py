"""Draws how much each parameter matters: a bar for each, the strongest on top."""

from typing import Any

from experiments_app.charts.draw import TEXT, Size, data, finished
from experiments_app.charts.importance import ImportanceChart

ROW = 28
MAX_ROWS = 16


def specify(chart: ImportanceChart, size: Size) -> dict[str, Any]:
    import altair as alt

    weights = chart.weights[:MAX_ROWS]
    records = [
        {"name": w.name, "share": w.share, "tooltip": w.tooltip, "text": f"{w.share:.0%}"}
        for w in weights
    ]
    y = alt.Y(
        "name:N",
        title=None,
        sort=None,
        axis=alt.Axis(labelLimit=140 if size.is_narrow else 260, labelColor=TEXT),
    )
    highest = max(w.share for w in weights)
    x = alt.X(
        "share:Q",
        title="Share of the score's variance",
        scale=alt.Scale(domain=[0, max(1.15 * highest, 0.05)], nice=False),
        axis=alt.Axis(format="%", tickCount=5, grid=True),
    )
    bars = alt.Chart(data(records)).mark_bar(
        cornerRadiusEnd=2, color="var(--series-1)", height={"band": 0.62}
    )
    texts = alt.Chart(data(records)).mark_text(align="left", dx=5, color=TEXT, aria=False)
    layered = alt.layer(
        bars.encode(x=x, y=y, description="tooltip:N"), texts.encode(x=x, y=y, text="text:N")
    )
    return finished(layered, Size(size.width, max(ROW * len(weights) + 60, 120)))
