"""The guide: its pages are docs/guide/*.md, read as they are on GitHub and shown in the site.

The text is ours, yet rendered like anybody's: without raw HTML, links only to what is known.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = Path(settings.BASE_DIR) / "docs" / "guide"
# In reading order; those of the second group tell more about one subject.
GUIDE = (
    "index",
    "first-steps",
    "concepts",
    "tune-your-model",
    "write-a-task",
    "read-the-results",
    "deploy",
    "compare",
    "presets",
    "datasets",
    "notifications",
    "api",
    "troubleshooting",
    "administer",
)
IN_DEPTH = {
    "docker": "../docker.md",
    "benchmarking": "../benchmarking.md",
    "metrics": "../metrics.md",
    "ci": "../ci.md",
}


@dataclass(frozen=True)
class Heading:
    """A place that a link can lead to; `summary` is the first sentence under it."""

    page: str
    anchor: str
    title: str
    level: int
    summary: str = ""

    @property
    def url(self) -> str:
        return f"{page_url(self.page)}#{self.anchor}"


@dataclass(frozen=True)
class GuidePage:
    name: str
    title: str
    html: str
    headings: tuple[Heading, ...]

    @property
    def url(self) -> str:
        return page_url(self.name)

    @property
    def sections(self) -> list[Heading]:
        return [heading for heading in self.headings if heading.level == 2]


def page_url(name: str) -> str:
    return reverse("help") if name == "index" else reverse("help_page", args=[name])


@cache
def guide_pages() -> Mapping[str, GuidePage]:
    """Every page that is there, in reading order."""
    paths = {name: FOLDER / f"{name}.md" for name in GUIDE}
    paths |= {name: (FOLDER / path).resolve() for name, path in IN_DEPTH.items()}
    return {name: _page(name, path) for name, path in paths.items() if path.is_file()}


def find_heading(anchor: str) -> Heading | None:
    """The first place of that name: `ttft`, `out-of-gpu-memory`."""
    return next(
        (h for page in guide_pages().values() for h in page.headings if h.anchor == anchor), None
    )


def slug(title: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _page(name: str, path: Path) -> GuidePage:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(path.read_text(encoding="utf-8"))
    headings = tuple(_headings(name, tokens))
    for token in _with_children(tokens):
        if token.type == "link_open":
            token.attrSet("href", _link(name, str(token.attrGet("href"))))
        elif token.type == "image":
            file = PurePosixPath(str(token.attrGet("src"))).name
            token.attrSet("src", static(f"guide/{file}"))
            token.attrSet("loading", "lazy")
        elif token.attrGet("style"):  # a column's alignment, which the content policy forbids here
            token.attrs.pop("style")
            token.attrSet("class", "num")
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "th_open" and not inline.content:
            opening.tag = closing.tag = "td"  # an empty corner is no heading of anything
    html = parser.renderer.render(tokens, parser.options, {})
    html = html.replace("<table>", '<div class="table-scroll" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    title = headings[0].title if headings else name
    return GuidePage(name, title, html, headings)


def _headings(page: str, tokens: Sequence[Token]) -> Iterator[Heading]:
    """The headings, each given the anchor that GitHub gives it."""
    for index, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        title = _words(tokens[index + 1])
        token.attrSet("id", slug(title))
        yield Heading(page, slug(title), title, int(token.tag[1]), _summary(tokens[index + 3 :]))


def _summary(after: Sequence[Token]) -> str:
    if len(after) < 2 or after[0].type != "paragraph_open":
        return ""
    sentence = re.match(r".*?[.:](?=\s|$)", _words(after[1]))
    return sentence[0].rstrip(":") if sentence else ""


def _words(inline: Token) -> str:
    texts = {"softbreak": " ", "hardbreak": " "}
    return "".join(texts.get(child.type, child.content) for child in inline.children or ())


def _with_children(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _link(page: str, target: str) -> str:
    """A link between files as one between pages of the site."""
    path, _, anchor = target.partition("#")
    if "://" in target or not path:
        return target
    name = PurePosixPath(path).stem
    if name not in {*GUIDE, *IN_DEPTH}:
        return page_url("index")
    return page_url(name) + (f"#{anchor}" if anchor else "")
