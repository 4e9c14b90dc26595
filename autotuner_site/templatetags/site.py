"""Template tags that every page may use."""

import tomllib
from datetime import datetime
from functools import cache

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from autotuner_site.guide import find_heading, page_url

register = template.Library()


@register.simple_tag
@cache
def site_version() -> str:
    """The version of this checkout."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


@register.filter
def machine_time(moment: datetime) -> str:
    """A moment for `<time datetime>`, which takes no microseconds."""
    return moment.isoformat(timespec="milliseconds")


@register.filter
def moment(text: str) -> datetime:
    """What was kept as ISO 8601, for `date` to write as all moments are written."""
    return datetime.fromisoformat(text)


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decoration: the text beside it says the same."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def help_link(anchor: str, words: str = "") -> SafeString:
    """`{% help_link "ttft" %}`: a small ? that leads to that place of the guide, its first sentence
    as the tooltip; `{% help_link "ttft" "What is TTFT?" %}` a link of words. It opens beside the
    page, which may hold what somebody is typing."""
    heading = find_heading(anchor)
    return format_html(
        '<a class="{}" href="{}" target="_blank" rel="noopener" title="{}">{}'
        '<span class="visually-hidden">{} (opens in a new tab)</span></a>',
        "help-words" if words else "help-link",
        heading.url if heading else page_url("index"),
        heading.summary or heading.title if heading else "The guide",
        words or "?",
        "" if words else f"What is {heading.title if heading else 'this'}?",
    )
