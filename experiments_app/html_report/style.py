"""The report's style sheet, in the site's colours, and the policy that allows it alone."""

import base64
import hashlib
from functools import cache

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from experiments_app.charts.theme import colours

FILE = "static/report.css"


@cache
def style_sheet() -> SafeString:
    """On paper it is light, whatever the reader's screen is."""
    rules = (settings.BASE_DIR / FILE).read_text()
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{_palette('dark')}}}\n"
    return mark_safe(f"\n{_palette('light')}{dark}{rules}")  # noqa: S308  # our own files


def content_policy(style: str) -> str:
    """Nothing is fetched, nothing runs, nothing is sent: the style sheet is all that counts."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    own = f"style-src 'sha256-{digest}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _palette(theme: str) -> str:
    lines = "".join(f"  {name}: {value};\n" for name, value in colours(theme).items())
    return f":root {{\n  color-scheme: {theme};\n{lines}}}\n"
