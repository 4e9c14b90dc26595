"""Markdown that means what was put in: whatever a flag or an error holds stays text.

For GitHub's and GitLab's dialect, where a `|` ends a cell even in code, `#3` and `@name` become
links that tell somebody, and HTML is HTML.
"""

import re
from collections.abc import Iterable, Sequence

_SIGNS = re.compile(r"[\\`*_\[\]~$]")
_REFERENCE = re.compile(r"[#@!%](?=[\w\"])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_ADDRESS = re.compile(r"(?<=[A-Za-z])(:)(?=//)")
CUT = "…"


def plain(text: str, longest: int = 2_000) -> str:
    """On one line, nothing of it is markup, a link or a mention."""
    line = _line(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _SIGNS.sub(r"\\\g<0>", line)
    line = _ADDRESS.sub("<!-- -->:", line)
    line = _REFERENCE.sub(r"\g<0><!-- -->", line)
    return line.replace("|", "&#124;")


def code(text: str, longest: int = 500) -> str:
    """On one line, as code; may stand in a cell."""
    line = _line(text, longest)
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str, language: str = "") -> str:
    """Lines of code, as they are."""
    clean = _CONTROL.sub("�", text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", clean)), default=0))
    return f"{fence}{language}\n{clean.rstrip()}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """`head` and cells are Markdown of one line already; a `|` in them is one of code."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def details(summary: str, inside: str) -> str:
    """Folded until it is opened. `summary` is plain text of ours."""
    return f"<details>\n<summary>{summary}</summary>\n\n{inside}\n\n</details>"


def _line(text: str, longest: int) -> str:
    line = " ".join(_CONTROL.sub("�", text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}{CUT}"
