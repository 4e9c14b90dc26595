"""What can be told of a page's HTML without a checker: nesting, ids, and what refers to them."""

from html.parser import HTMLParser

VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
        "path",
        "circle",
        "rect",
        "line",
    ]
)
IN_PARAGRAPH = frozenset(
    ["p", "div", "ul", "ol", "dl", "table", "section", "form", "h1", "h2", "h3", "pre", "details"]
)
INTERACTIVE = frozenset(["a", "button", "select", "textarea", "summary"])
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "form", "list")


class PageCheck(HTMLParser):
    """`faults` after `feed()` and `close()`."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self._open: list[str] = []
        self._ids: set[str] = set()
        self._wanted: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self._note(f"<{tag}> has an attribute twice: {names}")
        for name, value in attrs:
            if name == "id":
                if value in self._ids:
                    self._note(f"the id {value!r} stands twice")
                self._ids.add(value or "")
            elif name in REFERENCES:
                self._wanted += [(name, part) for part in (value or "").split()]
        if tag in IN_PARAGRAPH and "p" in self._open:
            self._note(f"<{tag}> in a paragraph")
        if tag in INTERACTIVE and (around := set(self._open) & INTERACTIVE):
            self._note(f"<{tag}> in <{around.pop()}>")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self._open or self._open[-1] != tag:
            self._note(f"</{tag}> ends what is open as {self._open[-3:]}")
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def close(self) -> None:
        super().close()
        if self._open:
            self._note(f"never closed: {self._open}")
        self.faults += [
            f"{name} names {value!r}, which is not there"
            for name, value in self._wanted
            if value not in self._ids
        ]

    def _note(self, fault: str) -> None:
        self.faults.append(f"line {self.getpos()[0]}: {fault}")


def faults_of(page: str) -> list[str]:
    check = PageCheck()
    check.feed(page)
    check.close()
    return check.faults
