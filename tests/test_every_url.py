"""Every address, asked by everybody in every way: none may break, none may let the wrong one in."""

import time
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve

from autotuner_site import access
from autotuner_site.roles import Role, role_of
from tests.every_url import (
    ANYBODY,
    PLACES,
    Place,
    World,
    admin_paths,
    patterns,
    writes_in,
)

pytestmark = pytest.mark.django_db
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SLOWEST_S = 2.0
# What Django's own views allow besides; none of it changes anything.
OWN_WAYS = {"login": set(METHODS), "logout": {"OPTIONS"}}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
POLICY = ("default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'")


def browser_of(user: User | None, *, strict: bool = False) -> Client:
    """`strict`: forms without their token are refused, as they are outside of tests."""
    client = Client(raise_request_exception=False, enforce_csrf_checks=strict)
    if user is not None:
        client.force_login(user)
    return client


def ask(client: Client, method: str, path: str, query: Mapping[str, object], **headers: str) -> Any:
    """The answer, with its whole `body`, also of a stream, and `writes`: what it has changed in the
    database, and taken back after that. Every answer keeps browsers from running or framing it."""
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        begun = time.process_time()
        response: Any = client.generic(
            method, path, content_type="application/x-www-form-urlencoded", query_params=query,
            headers=headers,
        )  # fmt: skip
        parts = response.streaming_content if response.streaming else (response.content,)
        response.body = b"".join(parts)
        response.took_s = time.process_time() - begun
        transaction.set_rollback(True)
    response.writes = writes_in(queries)
    assert lacking(response.headers) == [], (method, path, response.status_code)
    return response


def lacking(headers: Mapping[str, str]) -> list[str]:
    policy = headers.get("Content-Security-Policy", "")
    lacks = [name for name, value in HEADERS.items() if headers.get(name) != value]
    lacks += [part for part in POLICY if part not in policy]
    return lacks + (["unsafe"] if "unsafe" in policy else [])


def expected(place: Place, user: User | None) -> int:
    if user is None and place.role != ANYBODY:
        return 403 if place.name in {"task_check", "model_check"} else 302
    if user is not None and role_of(user) < place.least:
        return 403
    if user is not None and place.name in {"login", "sign_in_by_link"}:
        return 302
    return place.status


def listed(faults: Iterable[object]) -> str:
    return "\n".join(map(str, faults))


def people(world: World) -> Iterator[tuple[str, User | None]]:
    yield from (("anonymous", None), ("nobody", world.nobody), ("viewer", world.viewer))
    yield from (("operator", world.user), ("admin", world.admin))


def test_the_table_knows_every_address(world: World) -> None:
    """The API has a table of its own: tests/experiments_app/api/test_access.py."""
    own = ("admin:", "api-v1:")
    there = [name for name, _ in patterns() if not name.startswith(own)]
    assert sorted(there) == sorted(place.name for place in PLACES)
    assert len(list(admin_paths(world))) > 50


def test_everybody_gets_what_is_theirs_and_soon_and_looking_changes_nothing(world: World) -> None:
    faults = []
    for who, user in people(world):
        for place in PLACES:
            client = browser_of(user)  # anew: two addresses end the session
            response = ask(client, place.methods[0], place.path(world), place.query(world))
            got = (response.status_code, response.took_s < place.slowest_s)
            has_changed = "HEAD" in place.methods and response.writes
            if got != (expected(place, user), True) or has_changed:
                told = (response.status_code, round(response.took_s, 2), response.writes)
                faults.append((who, place.name, *told))
    assert not faults, listed(faults)


def test_whoever_lacks_the_role_is_refused_by_every_method_and_told_which(world: World) -> None:
    faults = []
    accounts = [user for _, user in people(world) if user is not None]
    for user, place in product(accounts, PLACES):
        client = browser_of(user)
        is_refused = role_of(user) < place.least
        # What everybody gets by its first method is looked at above.
        for method in place.methods if is_refused else place.methods[1:]:
            response = ask(client, method, place.path(world), place.query(world))
            says = f"needs the role {place.least.word}" in response.body.decode()
            right = says and not response.writes if is_refused and method != "HEAD" else True
            right = right and not (method == "HEAD" and response.writes)
            if (response.status_code == 403) != is_refused or not right:
                faults.append((user.username, place.name, method, response.status_code))
    assert not faults, listed(faults)


def test_every_address_says_which_role_it_needs(world: World) -> None:
    """An address that is not named in `access.py` is shut for viewers, and named here."""
    names = {place.name for place in PLACES}
    assert names - set(access.DECLARED) == set()
    assert set(access.DECLARED) - names == set()
    assert len(access.DECLARED) == sum(
        len(some)
        for some in (
            access.ANYBODY, access.ANY_ACCOUNT, access.VIEWERS, access.OPERATORS, access.ADMINS,
        )
    )  # fmt: skip


def test_an_address_that_nobody_named_is_no_viewers_to_change(world: World) -> None:
    assert access.role_needed("new_one", "GET") == Role.VIEWER
    assert access.role_needed("new_one", "POST") == Role.OPERATOR
    assert access.role_needed("new_one", "PROPFIND") == Role.OPERATOR


class Ways(HTMLParser):
    """Where a page leads, and by which method."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        there = {name: value for name, value in attrs if value}
        method = there.get("method", "get").upper() if tag == "form" else "GET"
        for name in ("href", "action", "data-hx-get"):
            if name in there:
                self.found.add((method, there[name]))
        for name in ("formaction", "data-hx-post", "data-hx-put", "data-hx-patch"):
            if name in there:
                self.found.add(("POST", there[name]))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_pages_offer_only_what_one_may_do(world: World, role: Role) -> None:
    client = browser_of(world.viewer if role == Role.VIEWER else world.user)
    pages = [(place.path(world), place.query(world)) for place in PLACES if place.least <= role]
    pages += [("/system/", {"show": "all"}), (f"/tasks/{world.pending.pk}/", {})]
    pages += [(f"/tasks/{world.running.pk}/", {}), ("/presets/", {"task": world.pending.pk})]
    faults = set()
    for path, query in pages:
        for hx in ({}, {"hx_request": "true"}):
            response = ask(client, "GET", path, query, **hx)
            if "html" not in response.headers.get("Content-Type", ""):
                continue
            for method, target in Ways(response.content.decode()).found:
                address = urlsplit(target)
                if address.scheme or address.netloc or not address.path:
                    continue
                name = resolve_or_none(address.path)
                if name == "admin" or (name and access.role_needed(name, method) > role):
                    faults.add((path, method, target))
    assert not faults, listed(sorted(faults))


def resolve_or_none(path: str) -> str | None:
    try:
        match = resolve(path)
    except Resolver404:
        return None
    return "admin" if match.app_name == "admin" else match.url_name


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_changes_nothing(world: World) -> None:
    faults = []
    client = browser_of(None)
    for place in (place for place in PLACES if place.role != ANYBODY):
        for method in place.methods:
            response = ask(client, method, place.path(world), place.query(world))
            is_led = response.headers.get("Location", "").startswith("/sign-in/?next=/")
            if response.writes or not (is_led or response.status_code == 403):
                faults.append((place.name, method, response.status_code, response.writes))
    assert not faults, listed(faults)


def test_other_methods_are_refused_and_change_nothing(world: World) -> None:
    faults = []
    client = browser_of(world.admin)
    for place in PLACES:
        allowed = {*place.methods, *OWN_WAYS.get(place.name, ())}
        for method in (method for method in METHODS if method not in allowed):
            response = ask(client, method, place.path(world), place.query(world))
            if response.status_code != 405 or response.writes:
                faults.append((place.name, method, response.status_code, response.writes))
    assert not faults, listed(faults)


def test_nothing_is_changed_without_the_forms_token(world: World) -> None:
    faults = []
    client = browser_of(world.admin, strict=True)
    for place in PLACES:
        for method in {"POST", "PUT", "PATCH", "DELETE"} & set(place.methods):
            response = ask(client, method, place.path(world), place.query(world))
            if response.status_code != 403 or response.writes:
                faults.append((place.name, method, response.status_code, response.writes))
    assert not faults, listed(faults)


def test_the_admin_is_for_staff_alone_and_looking_changes_nothing(world: World) -> None:
    faults = []
    for who, user in people(world):
        client = browser_of(user)
        for name, path in admin_paths(world):
            response = ask(client, "GET", path, {})
            wanted = {200, 302, 403, 404, 405} if who == "admin" else {302, 405}
            is_open = response.status_code == 200 and who != "admin" and name != "admin:login"
            is_wrong = response.status_code not in wanted and name != "admin:login"
            if is_open or is_wrong or response.took_s > SLOWEST_S or response.writes:
                told = (response.status_code, round(response.took_s, 2), response.writes)
                faults.append((who, name, *told))
    assert not faults, listed(faults)


def test_what_is_not_there_keeps_browsers_from_running_or_framing_it_too(world: World) -> None:
    for _, user in people(world):
        for path in ("/no/such/page", "/tasks/999999/"):
            response = ask(browser_of(user), "GET", path, {})
            assert response.status_code in {302, 403, 404}  # sign in, have a role, or nothing


def test_what_one_has_seen_is_not_unchanged_for_another(world: World) -> None:
    faults = []
    for place in PLACES:
        path, query = place.path(world), place.query(world)
        first = ask(browser_of(world.admin), place.methods[0], path, query, hx_request="true")
        etag = first.headers.get("ETag")
        if etag is None:
            continue
        for user in (world.user, world.viewer, None):
            again = ask(browser_of(user), "GET", path, query, hx_request="true", if_none_match=etag)
            if again.status_code == 304:
                faults.append((place.name, user))
    assert not faults, listed(faults)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "javascript:alert(1)", "http:evil.example", "///evil.example", "https:///evil.example",
    ],
)  # fmt: skip
def test_the_sign_in_leads_to_no_other_site(world: World, target: str) -> None:
    sent = {"username": "guest", "password": "not a secret", "next": target}
    response = browser_of(None).post("/sign-in/", sent)
    assert response.status_code == 302
    assert response.headers["Location"] == "/"
    again = browser_of(world.user).get("/sign-in/", {"next": target})
    assert again.headers["Location"] == "/"
