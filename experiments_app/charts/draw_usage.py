"""Draws usage over time as small charts beside each other: one drawing for every width."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from django.core.cache import cache

from experiments_app.charts.draw import CACHE_S, for_page, look, parse, render
from experiments_app.charts.usage import UsagePanel

SIZE = (400, 190)
COLOURS = (
    "var(--accent)",
    "var(--bar-best)",
    "var(--bar-infeasible)",
    "var(--bad)",
    "var(--bar-baseline)",
    "var(--bar)",
)
MINUTES_FROM_S = 300.0
HEADROOM = 1.05
LONG_NAME = 8  # letters; GPUs that are not here any more have their uuids for names
DRAWING = "2"  # changes with the look, so that no old drawing is shown


def draw_panel(panel: UsagePanel) -> str:
    """An `<svg>` element to stand in a page; the same data is drawn once."""
    data = json.dumps(asdict(panel), sort_keys=True)
    digest = hashlib.sha256(f"{DRAWING} {data}".encode()).hexdigest()[:20]
    key = f"usage-chart-{digest}"
    svg = cache.get(key)
    if svg is None:
        root = parse(render(_specification(panel)))
        svg = for_page(root, panel.title, panel.description, key, role="img")
        cache.set(key, svg, CACHE_S)
    return str(svg)


def _specification(panel: UsagePanel) -> dict[str, Any]:
    import altair as alt

    in_minutes = panel.elapsed_s[-1] > MINUTES_FROM_S
    scale = 60.0 if in_minutes else 1.0
    names = [line.name for line in panel.lines]
    x = alt.X(
        "at:Q",
        title="Minutes since the start" if in_minutes else "Seconds since the start",
        scale=alt.Scale(domain=[0, max(panel.elapsed_s[-1] / scale, 1)], nice=False),
        axis=alt.Axis(tickCount=6, grid=False),
    )
    highest = max((v for line in panel.lines for v in line.values if v is not None), default=1.0)
    y = alt.Y(
        "value:Q",
        title=panel.unit,
        scale=alt.Scale(
            domainMin=0, domainMax=panel.top or HEADROOM * max(highest, 1e-3), nice=True
        ),
        axis=alt.Axis(tickCount=4),
    )
    layers = []
    if panel.measuring is not None:
        start, end = (seconds / scale for seconds in panel.measuring)
        shade = alt.Chart(alt.Data(values=[{"at": start, "to": end}]))
        layers.append(
            shade.mark_rect(color="var(--accent-soft)", opacity=1, aria=False).encode(
                x=x, x2="to:Q"
            )
        )
    values = [
        {"at": at / scale, "value": value, "device": line.name}
        for line in panel.lines
        for at, value in zip(panel.elapsed_s, line.values, strict=True)
    ]
    devices: dict[str, Any] = {}
    if len(names) > 1:
        colours = [COLOURS[index % len(COLOURS)] for index in range(len(names))]
        dashes = [[1, 0] if index < len(COLOURS) else [4, 3] for index in range(len(names))]
        columns = 3 if max(map(len, names)) > LONG_NAME else 5
        legend = alt.Legend(title=None, orient="top", columns=columns, symbolType="stroke")
        devices = {
            "color": alt.Color(
                "device:N", scale=alt.Scale(domain=names, range=colours), legend=legend
            ),
            "strokeDash": alt.StrokeDash(
                "device:N", scale=alt.Scale(domain=names, range=dashes), legend=legend
            ),
        }
    line = {} if devices else {"color": COLOURS[0]}
    layers.append(
        alt.Chart(alt.Data(values=values))
        .mark_line(strokeWidth=1.75, interpolate="linear", clip=True, aria=False, **line)
        .encode(x=x, y=y, **devices)
    )
    layered = alt.layer(*layers).properties(width=SIZE[0], height=SIZE[1])
    return dict(layered.configure(**look()).to_dict(validate=False))
