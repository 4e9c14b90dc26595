"""From a chart's data to an `<svg>` element for a page: Vega-Lite on the server, no script.

Colours are CSS variables, so that one drawing is right in light and dark.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from django.core.cache import cache

from experiments_app.charts.kinds import Kind

COLOURS: Mapping[Kind, str] = {
    Kind.BEST: "var(--bar-best)",
    Kind.BASELINE: "var(--bar-baseline)",
    Kind.MEASURED: "var(--bar)",
    Kind.INFEASIBLE: "var(--bar-infeasible)",
    Kind.PRUNED: "var(--muted)",
    Kind.FAILED: "var(--bad)",
}
SERIES = tuple(f"var(--series-{number})" for number in range(1, 7))
TEXT = "var(--bs-body-color)"
MUTED = "var(--muted)"

CACHE_S = 24 * 3600
DRAWING = "11"  # changes with the look, so that no old drawing is shown
MAX_TAB_STOPS = 40

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_LONG_DECIMALS = re.compile(r"(\d+\.\d\d)\d+")


@dataclass(frozen=True)
class Size:
    """Room for a drawing, in pixels."""

    width: int
    height: int

    @property
    def is_narrow(self) -> bool:
        return self.width < 500


WIDE = Size(760, 300)
NARROW = Size(380, 280)


class Chart(Protocol):
    """What every chart's data has; it is a dataclass of plain values."""

    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str:
        """The chart in words, for those who cannot see it."""

    @property
    def has_content(self) -> bool: ...


Specify = Callable[[Any, Size], dict[str, Any]]


def draw(chart: Chart, specify: Specify, *, narrow: bool = False) -> str:
    """An `<svg>` element to stand in a page; the same data is drawn once."""
    data = json.dumps(asdict(chart), sort_keys=True)  # type: ignore[call-overload]
    kind = type(chart).__name__
    digest = hashlib.sha256(f"{DRAWING} {kind} {narrow} {data}".encode()).hexdigest()[:20]
    key = f"chart-{digest}"
    svg = cache.get(key)
    if svg is None:
        root = parse(render(specify(chart, NARROW if narrow else WIDE)))
        link_marks(root)
        svg = for_page(root, chart.title, chart.description, key, role="group")
        cache.set(key, svg, CACHE_S)
    return str(svg)


def load_drawing() -> None:
    """What draws takes a second or two to load: best before somebody waits for a chart."""
    import altair as alt

    chart = alt.Chart(data([{"x": 0}])).mark_point().encode(x="x:Q")
    render(finished(chart, NARROW))


def render(specification: dict[str, Any]) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg(specification))


def finished(chart: Any, size: Size | None = None) -> dict[str, Any]:
    """An Altair chart as Vega-Lite with the look of the site; `size` for a single view."""
    if size is not None:
        chart = chart.properties(width=size.width, height=size.height)
    settings = look() if size is not None else look() | {"autosize": {"type": "pad"}}
    return dict(chart.configure(**settings).to_dict(validate=False))


def look() -> dict[str, Any]:
    return {
        "autosize": {"type": "fit", "contains": "padding"},
        "background": "transparent",
        "padding": {"left": 2, "right": 12, "top": 2, "bottom": 2},
        "view": {"stroke": None},
        "axis": {
            "labelColor": MUTED,
            "titleColor": MUTED,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "gridColor": "var(--grid)",
            "domainColor": "var(--line-strong)",
            "tickColor": "var(--line-strong)",
        },
        "axisX": {"grid": False, "labelFlush": False},
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": {"labelColor": TEXT, "labelFontSize": 12, "offset": 10, "labelLimit": 260},
        "title": {"color": TEXT, "fontSize": 12, "fontWeight": 600, "anchor": "start"},
    }


def legend(size: Size, **options: Any) -> Any:
    import altair as alt

    return alt.Legend(
        title=None,
        orient="top",
        symbolOpacity=1,
        **({"columns": 3 if size.is_narrow else 0, "columnPadding": 22} | options),
    )


def kind_colour(kinds: Iterable[Kind], size: Size) -> Any:
    import altair as alt

    used = list(kinds)
    return alt.Color(
        "kind:N",
        scale=alt.Scale(domain=used, range=[COLOURS[kind] for kind in used]),
        legend=legend(size, symbolType="square"),
    )


def tick_format(values: Iterable[float]) -> Any:
    """How an axis writes numbers of this size: 1,500 · 2.5M · 3e-6."""
    import altair as alt

    highest = max((abs(value) for value in values), default=1.0)
    if highest >= 1e5:
        return "~s"
    return "~e" if 0 < highest < 1e-3 else alt.Undefined  # Vega's own fits the steps


def num_whole_ticks(highest: float, size: Size) -> int:
    """How many an axis that counts from 0 has: none stands between two whole numbers."""
    return max(1, min(5 if size.is_narrow else 10, int(highest)))


def lines(title: str) -> list[str]:
    """The title of an axis, a line for each of its parts: an axis is short."""
    return title.split(" · ")


def data(records: Iterable[Mapping[str, Any]]) -> Any:
    import altair as alt

    return alt.Data(values=list(records))


def record(mark: Any) -> dict[str, Any]:
    """A mark of a chart's data, for Vega."""
    # The renderer puts a path behind an address of its own, but leaves a whole address alone.
    return asdict(mark) | {"address": f"http://page.invalid{mark.path}"}


LINKED = {"href": "address:N", "description": "tooltip:N"}


def parse(svg: str) -> ET.Element:
    """The drawing with the page's own font instead of its own, and without what nobody reads."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)  # noqa: S314  # our own drawing
    for element in root.iter():
        for name in ("font-family", "style", "class", "aria-roledescription"):
            element.attrib.pop(name, None)
        for name in ("d", "transform"):
            if name in element.attrib:
                element.set(name, _LONG_DECIMALS.sub(r"\1", element.attrib[name]))
    return root


def link_marks(root: ET.Element) -> None:
    """The marks lead to their experiments and have tooltips.

    Where there are many, the keyboard passes them by: the table of experiments has the same links.
    """
    links = list(root.iter(f"{{{_SVG}}}a"))
    for link in links:
        link.set("href", urlsplit(link.attrib.pop(f"{{{_XLINK}}}href")).path)
        if len(links) > MAX_TAB_STOPS:
            link.set("tabindex", "-1")
    for element in root.iter():
        label = element.get("aria-label")
        if label and element.get("role") == "graphics-symbol" and element.tag == f"{{{_SVG}}}path":
            tooltip = ET.Element(f"{{{_SVG}}}title")
            tooltip.text = label
            element.insert(0, tooltip)


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
