"""The site's colours as they are in one theme: for drawings that leave the page."""

import re
from collections.abc import Mapping
from functools import cache

from django.conf import settings

THEMES = ("light", "dark")
_VARIABLE = re.compile(r"(--[\w-]+):\s*([^;]+);")
_USE = re.compile(r"var\((--[\w-]+)\)")


@cache
def colours(theme: str) -> Mapping[str, str]:
    """Custom properties of the style sheet by name, for "light" or "dark"."""
    css = (settings.BASE_DIR / "static/theme.css").read_text()
    found: dict[str, str] = {}
    for block in re.finditer(rf'\[data-bs-theme="{theme}"\]\s*\{{(?P<body>[^}}]*)\}}', css):
        for name, value in _VARIABLE.findall(block["body"]):
            found.setdefault(name, value.strip())
    return found


def resolved(svg: str, theme: str) -> str:
    """The drawing with the colours of `theme` in place of the names of colours."""
    known = colours(theme)

    def colour(match: re.Match[str]) -> str:
        value = known[match[1]]
        return _USE.sub(colour, value)

    return _USE.sub(colour, svg)
