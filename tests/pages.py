"""What the tests of pages have in common."""

from typing import Any

HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    """A page's HTML with every run of white space as one space."""
    return " ".join(response.content.decode().split())


def messages_of(response: Any) -> list[str]:
    """The messages that a page shows."""
    return [str(message) for message in response.context["messages"]]
