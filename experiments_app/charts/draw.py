"""Draws chart data as SVG for a page: Vega-Lite on the server, no script in the browser.

Colours are CSS variables, so that one drawing is right in light and dark.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from django.core.cache import cache

from experiments_app.charts.data import Bar, Kind, ScoreChart

COLOURS: Mapping[Kind, str] = {
    Kind.BEST: "var(--bar-best)",
    Kind.BASELINE: "var(--bar-baseline)",
    Kind.MEASURED: "var(--bar)",
    Kind.INFEASIBLE: "var(--bar-infeasible)",
    Kind.FAILED: "var(--bad)",
}
# Bars stand on the axis; what has no score is a small mark there: shape and angle.
MARKS: Mapping[Kind, tuple[str, int]] = {
    Kind.INFEASIBLE: ("triangle-up", 0),
    Kind.FAILED: ("cross", 45),
}

WIDE = (760, 300)
NARROW = (380, 280)
HEADROOM = 1.08
MAX_TICKS = 26
MAX_BAR = 56
CACHE_S = 24 * 3600
DRAWING = "8"  # changes with the look, so that no old drawing is shown

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


def draw(chart: ScoreChart, *, narrow: bool = False) -> str:
    """An `<svg>` element to stand in a page; the same data is drawn once."""
    data = json.dumps(asdict(chart), sort_keys=True)
    digest = hashlib.sha256(f"{DRAWING} {narrow} {data}".encode()).hexdigest()[:20]
    key = f"score-chart-{digest}"
    svg = cache.get(key)
    if svg is None:
        svg = _with_links(_specification(chart, *(NARROW if narrow else WIDE)), chart, key)
        cache.set(key, svg, CACHE_S)
    return str(svg)


def render(specification: dict[str, Any]) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg(specification))


def _specification(chart: ScoreChart, width: int, height: int) -> dict[str, Any]:
    import altair as alt

    numbers = list(range(chart.slots))
    step = -(-chart.slots // MAX_TICKS)
    x = alt.X(
        "number:O",
        scale=alt.Scale(domain=numbers, paddingInner=0.25, paddingOuter=0.2),
        title="Experiment (0 is the default)",
        axis=alt.Axis(values=numbers[::step], labelAngle=0, ticks=False),
    )
    kinds = list(chart.kinds)
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds]),
        legend=alt.Legend(
            title=None, orient="top", symbolType="square", columns=3 if width < 500 else 0
        ),
    )
    common = {"x": x, "color": colour, "href": "address:N", "description": "tooltip:N"}
    measured = [_record(bar) for bar in chart.bars if bar.score is not None]
    highest = max((bar.score for bar in chart.bars if bar.score is not None), default=1.0)
    y = alt.Y(
        "score:Q",
        title=chart.unit,
        # Room above the highest bar for its star, which would else stand in the legend.
        scale=alt.Scale(domainMin=0, domainMax=HEADROOM * highest, nice=True),
        axis=alt.Axis(tickCount=5),
    )
    layers = [
        alt.Chart(alt.Data(values=measured))
        .mark_bar(cornerRadiusEnd=2, **_bar_size(chart.slots, width))
        .encode(y=y, **common)
    ]
    if chart.baseline is not None:
        layers.append(
            alt.Chart(alt.Data(values=[{"score": chart.baseline}]))
            .mark_rule(strokeDash=[4, 3], color=COLOURS[Kind.BASELINE], aria=False)
            .encode(y="score:Q")
        )
    for kind, (shape, angle) in MARKS.items():
        marks = [_record(bar) for bar in chart.bars if bar.kind is kind]
        if marks:
            layers.append(
                alt.Chart(alt.Data(values=marks))
                .mark_point(shape=shape, angle=angle, filled=True, size=80, opacity=1, yOffset=-8)
                .encode(y=alt.datum(0), **common)
            )
    layers.append(
        alt.Chart(alt.Data(values=[r for r in measured if r["kind"] == Kind.BEST]))
        .mark_text(text="★", fontSize=15, dy=-10, color=COLOURS[Kind.BEST], aria=False)
        .encode(x=x, y="score:Q")
    )
    layered = alt.layer(*layers).properties(width=width, height=height)
    return dict(layered.configure(**look()).to_dict(validate=False))


def _bar_size(slots: int, width: int) -> dict[str, int]:
    """Bars fill their slots, but a few never become walls."""
    return {"size": MAX_BAR} if width / max(slots, 1) > 2 * MAX_BAR else {}


def look() -> dict[str, Any]:
    return {
        "autosize": {"type": "fit", "contains": "padding"},
        "background": "transparent",
        "padding": {"left": 2, "right": 4, "top": 2, "bottom": 2},
        "view": {"stroke": None},
        "axis": {
            "labelColor": "var(--muted)",
            "titleColor": "var(--muted)",
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "gridColor": "var(--grid)",
            "domainColor": "var(--line-strong)",
            "tickColor": "var(--line-strong)",
        },
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": {"labelColor": "var(--bs-body-color)", "labelFontSize": 12, "offset": 10},
    }


def _record(bar: Bar) -> dict[str, Any]:
    # The renderer puts a path behind an address of its own, but leaves a whole address alone.
    return asdict(bar) | {"address": f"http://page.invalid{bar.path}"}


def _with_links(specification: dict[str, Any], chart: ScoreChart, name: str) -> str:
    """The marks lead to their experiments and have tooltips."""
    root = parse(render(specification))
    for element in root.iter():
        if element.tag == f"{{{_SVG}}}a":
            element.set("href", urlsplit(element.attrib.pop(f"{{{_XLINK}}}href")).path)
        label = element.get("aria-label")
        if label and element.get("role") == "graphics-symbol" and element.tag == f"{{{_SVG}}}path":
            tooltip = ET.Element(f"{{{_SVG}}}title")
            tooltip.text = label
            element.insert(0, tooltip)
    return for_page(root, chart.title, chart.description, name, role="group")


def parse(svg: str) -> ET.Element:
    """The drawing with the page's own font instead of its own."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)  # noqa: S314  # our own drawing
    for element in root.iter():
        element.attrib.pop("font-family", None)
        element.attrib.pop("style", None)
    return root


def for_page(root: ET.Element, title: str, description: str, name: str, *, role: str) -> str:
    """The drawing named and described."""
    root.set("role", role)
    root.set("aria-labelledby", f"{name}-title")
    root.set("aria-describedby", f"{name}-description")
    for tag, text in (("desc", description), ("title", title)):
        element = ET.Element(f"{{{_SVG}}}{tag}")
        element.set("id", f"{name}-{'title' if tag == 'title' else 'description'}")
        element.text = text
        root.insert(0, element)
    return ET.tostring(root, encoding="unicode")
