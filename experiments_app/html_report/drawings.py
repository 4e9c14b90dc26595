"""The charts of a run for a page that stands alone: small, and leading to its own table."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from django.http import QueryDict
from django.utils.safestring import SafeString, mark_safe

from experiments_app.charts.drawn import Drawn
from experiments_app.charts.page import all_views
from experiments_app.overview import TaskOverview

PARTS = ((300, 2), (60, 3))
"""Of so many marks and more each tells only the first parts of its words, its name and its score:
its flags stand in the table."""
_SVG = "{http://www.w3.org/2000/svg}"
_XMLNS = ' xmlns="http://www.w3.org/2000/svg"'
_CIRCLE = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0Z?")
_IDLE = (
    ("opacity", "1"),
    ("pointer-events", "none"),
    ("role", "graphics-object"),
    ("transform", "translate(0,0)"),
    ("version", "1.1"),
)


@dataclass(frozen=True)
class Drawing:
    """A chart for wide and for narrow screens; both empty where there is nothing to draw."""

    name: str
    title: str
    description: str
    wide: SafeString
    narrow: SafeString


def drawings_of(overview: TaskOverview) -> Iterator[Drawing]:
    """All charts that there are of the run."""
    places = {f"/experiments/{e.pk}/": f"#experiment-{e.number}" for e in overview.experiments}
    for view in all_views(QueryDict(), overview):
        yield _drawing(view.type.name, view.drawn, places)


def _drawing(name: str, drawn: Drawn, places: Mapping[str, str]) -> Drawing:
    wide = narrow = mark_safe("")
    if drawn.has_content:
        wide, narrow = linked(drawn.wide, name, places), picture(drawn.narrow, f"{name}-narrow")
    return Drawing(name, drawn.title, drawn.description, wide, narrow)


def linked(svg: str, name: str, places: Mapping[str, str]) -> SafeString:
    """With tooltips, and links to where `places` says for each path."""
    root = _parsed(svg, name)
    marks = [mark for mark in root.iter() if mark.find(f"{_SVG}title") is not None][1:]
    parts = next((parts for many, parts in PARTS if len(marks) >= many), None)
    for mark in marks:
        _drop(mark, "role", "aria-label")  # says what its title says, which everybody is shown
        tooltip = mark[0]
        tooltip.text = " · ".join((tooltip.text or "").split(" · ")[:parts])
    for link in root.iter(f"{_SVG}a"):
        place = places.get(link.attrib.pop("href", ""))
        if place is not None:
            link.set("href", place)
    return _written(root)


def picture(svg: str, name: str) -> SafeString:
    """Without links and tooltips, which a finger hits badly: title and description tell."""
    root = _parsed(svg, name)
    root.set("role", "img")
    for parent in list(root.iter()):
        for place, child in enumerate(list(parent)):
            if child.tag == f"{_SVG}a":
                parent[place] = child[0]
    for mark in root.iter():
        if mark.get("role") == "graphics-symbol":
            _drop(mark, "role", "aria-label")
            for tooltip in mark.findall(f"{_SVG}title"):
                mark.remove(tooltip)
    return _written(root)


def _parsed(svg: str, name: str) -> ET.Element:
    root = ET.fromstring(svg)  # noqa: S314  # our own drawing
    _name_clips(root, name)
    _thin(root)
    return root


def _name_clips(root: ET.Element, name: str) -> None:
    """What draws counts through all drawings of a process: here each has ids of its own."""
    clips = list(root.iter(f"{_SVG}clipPath"))
    names = {f"url(#{clip.get('id')})": f"{name}-clip-{n}" for n, clip in enumerate(clips)}
    for clip, new in zip(clips, names.values(), strict=True):
        clip.set("id", new)
    for element in root.iter():
        own = names.get(element.get("clip-path", ""))
        if own is not None:
            element.set("clip-path", f"url(#{own})")


def _drop(element: ET.Element, *names: str) -> None:
    for name in names:
        element.attrib.pop(name, None)


def _thin(element: ET.Element) -> None:
    """Take away what shows nothing."""
    for child in list(element):
        if _is_invisible(child):
            element.remove(child)
        elif child.tag != f"{_SVG}defs":
            _thin(child)
    for name, value in _IDLE:
        if element.get(name) == value:
            del element.attrib[name]
    if "stroke" not in element.attrib:
        element.attrib.pop("stroke-width", None)
    if element.tag == f"{_SVG}path" and (circle := _CIRCLE.fullmatch(element.get("d", ""))):
        element.tag = f"{_SVG}circle"
        del element.attrib["d"]
        element.set("r", circle[1])


def _is_invisible(element: ET.Element) -> bool:
    if element.tag != f"{_SVG}path" or len(element):
        return False
    return not element.get("d") or not (element.get("fill") or element.get("stroke"))


def _written(root: ET.Element) -> SafeString:
    text = ET.tostring(root, encoding="unicode").replace(_XMLNS, "", 1)
    return mark_safe(text)  # noqa: S308  # our own drawing
