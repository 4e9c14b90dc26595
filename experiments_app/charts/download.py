"""A chart as a file of its own: SVG with everything in it, or PNG."""

from xml.etree import ElementTree as ET

from django.http import Http404, HttpRequest, HttpResponse

from experiments_app.charts.draw import Chart, Specify, draw
from experiments_app.charts.theme import THEMES, resolved

FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', sans-serif"
TYPES = {"svg": "image/svg+xml", "png": "image/png"}
MARGIN = 16
TITLE_HEIGHT = 34
PNG_SCALE = 2.0

_SVG = "{http://www.w3.org/2000/svg}"


def standalone_svg(chart: Chart, specify: Specify, *, theme: str, site: str) -> str:
    """The chart under its title, on the theme's ground; links lead to `site`."""
    root = ET.fromstring(draw(chart, specify))  # noqa: S314  # our own drawing
    _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
    for link in root.iter(f"{_SVG}a"):
        link.set("href", f"{site}{link.attrib['href']}")
    drawn = [child for child in root if child.tag not in {f"{_SVG}title", f"{_SVG}desc"}]
    whole_width, whole_height = width + 2 * MARGIN, height + 2 * MARGIN + TITLE_HEIGHT
    for child in drawn:
        root.remove(child)
    root.append(_element("rect", width="100%", height="100%", fill="var(--surface)"))
    heading = _element(
        "text", x=str(MARGIN), y=str(MARGIN + 16), fill="var(--bs-body-color)",
        **{"font-size": "16", "font-weight": "600"},
    )  # fmt: skip
    heading.text = chart.title
    root.append(heading)
    inner = _element("g", transform=f"translate({MARGIN},{MARGIN + TITLE_HEIGHT})")
    inner.extend(drawn)
    root.append(inner)
    root.set("viewBox", f"0 0 {whole_width:g} {whole_height:g}")
    root.set("width", f"{whole_width:g}")
    root.set("height", f"{whole_height:g}")
    root.set("font-family", FONTS)
    return resolved(ET.tostring(root, encoding="unicode"), theme)


def standalone_png(chart: Chart, specify: Specify, *, theme: str) -> bytes:
    import vl_convert

    svg = standalone_svg(chart, specify, theme=theme, site="")
    return bytes(vl_convert.svg_to_png(svg, scale=PNG_SCALE))


def chart_file(
    request: HttpRequest, chart: Chart, specify: Specify, kind: str, name: str
) -> HttpResponse:
    """The answer that holds the file, in the colours of `?theme=`; `kind` is svg or png."""
    if not chart.has_content:
        raise Http404(chart.description)
    theme = request.GET.get("theme", "light")
    if theme not in THEMES:
        raise Http404(f"There is no theme {theme!r}: use {' or '.join(THEMES)}.")
    content: str | bytes
    if kind == "png":
        content = standalone_png(chart, specify, theme=theme)
    else:
        site = request.build_absolute_uri("/").rstrip("/")
        content = standalone_svg(chart, specify, theme=theme, site=site)
    headers = {"Content-Disposition": f'inline; filename="{name}.{kind}"'}
    return HttpResponse(content, content_type=TYPES[kind], headers=headers)


def _element(name: str, **attributes: str) -> ET.Element:
    return ET.Element(f"{_SVG}{name}", attributes)
