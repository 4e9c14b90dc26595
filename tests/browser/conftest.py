"""A real Chromium on a real server. Anything that it complains about fails the test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.factories import make_user

# Playwright keeps an event loop in this thread, which is none of Django's business here.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

expect.set_options(timeout=45_000)  # a loaded machine is slow, not wrong
OpenPage = Callable[..., Page]
# The browser tells of a breach in its console too, but not of every kind.
TELL_BREACHES = """addEventListener("securitypolicyviolation", (breach) => console.error(
  `content policy: ${breach.effectiveDirective} ${breach.blockedURI} ${breach.sourceFile}`))"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def user(transactional_db: None) -> User:
    return make_user("ada")


@pytest.fixture
def open_page(chromium: Browser, live_server: LiveServer, user: User) -> Iterator[OpenPage]:
    """`open_page(**context options)` gives a page of a signed-in user; `signed_in=False` of none.

    At the end the browser must not have complained: no script error, no breach of the content
    security policy, no resource that is not there. What a test provokes it puts in `expected`.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    # A test that moves on breaks off the poll that is under way.
    allowed = ["htmx:error: Failed to fetch"]

    def note(complaint: str) -> None:
        complaints.append(complaint)

    def open_one(*, signed_in: bool = True, expected: str = "", **options: Any) -> Page:
        context = chromium.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        if expected:
            allowed.append(expected)
        if signed_in:
            context.add_cookies([_session_cookie(live_server, user)])
        context.add_init_script(TELL_BREACHES)
        page = context.new_page()
        page.on("pageerror", lambda error: note(f"script error: {error}"))
        page.on(
            "console",
            lambda message: note(message.text) if message.type in {"error", "warning"} else None,
        )
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [c for c in complaints if not any(text in c for text in allowed)] == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


def _session_cookie(live_server: LiveServer, user: User) -> Any:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": live_server.url}
