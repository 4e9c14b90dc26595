"""A browser in bad hands: it sends whatever it likes, and looks at what comes back."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.contrib.messages import get_messages
from django.db import connection, reset_queries, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.every_url import Place, World, writes_in

SLOWEST_S = 2.0
CANARY = "<script>alert('canary')</script>"
ANSWERS: Counter[int] = Counter()
"""How often each status was answered, for who counts."""


class Fields(HTMLParser):
    """What the forms of a page hold, and their buttons."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self._open = ""
        self._is_first = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name, value = found.get("name") or "", found.get("value") or ""
        if tag == "option" and self._open:
            if "selected" in found or self._is_first:
                self.values[self._open] = value
            self._is_first = False
        elif found.get("type") in {"radio", "checkbox"}:
            if "checked" in found:
                self.values[name] = value or "on"
        elif tag == "button" and name:
            self.buttons.append((name, value))
        elif tag in {"input", "select", "textarea"} and name:
            self.values[name] = value
            self._open = "" if tag == "input" else name
            self._is_first = True

    def handle_endtag(self, tag: str) -> None:
        if tag in {"select", "textarea"}:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open and self.lasttag == "textarea":
            self.values[self._open] += data.removeprefix("\n")


class Attacker:
    """An administrator's browser in bad hands: what it changes is taken back each time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Client()
        self.client.force_login(world.admin)
        self._fields: dict[str, Fields] = {}

    def fields_of(self, place: Place) -> Fields:
        path = place.path(self.world)
        if path not in self._fields:
            response = self.client.get(path, query_params=place.query(self.world))
            is_page = response.status_code == 200
            self._fields[path] = Fields(response.content.decode() if is_page else "")
        return self._fields[path]

    def send(
        self, method: str, path: str, query: Mapping[str, Any], data: Any = None, **headers: str
    ) -> Any:
        """The answer, after what holds for all answers is checked. What breaks is raised."""
        reset_queries()  # the log of them holds 9,000
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            begun = time.process_time()
            kwargs = {} if method == "GET" else {"data": data}
            ask: Callable[..., Any] = getattr(self.client, method.lower())
            response = ask(path, query_params=query, headers=headers, **kwargs)
            streamed = b"".join(response.streaming_content) if response.streaming else None
            response.body = response.content if streamed is None else streamed
            took_s = time.process_time() - begun
            transaction.set_rollback(True)
        ANSWERS[response.status_code] += 1
        assert response.status_code < 500
        assert took_s < SLOWEST_S
        assert response.status_code < 400 or not writes_in(queries), "refused, and yet written"
        if "html" in response.headers.get("Content-Type", ""):
            assert CANARY.encode() not in response.body
        target = urlsplit(response.headers.get("Location", "/"))
        assert target.netloc == target.scheme == "", "led to another site"
        return response


def told(response: Any) -> list[str]:
    """The messages that the next page shows."""
    return [str(message) for message in get_messages(response.wsgi_request)]
