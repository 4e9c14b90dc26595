from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import TooManyFieldsSent
from django.db import OperationalError, connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from autotuner_site.uploads import bad_request
from tests.factories import make_user
from tests.pages import text_of


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "413", "500", "503"])
def test_each_leads_back_to_the_tasks_and_to_help(code: str) -> None:
    text = render_to_string(f"{code}.html")
    assert 'href="/"' in text
    assert 'href="/help/' in text
    assert code[:3] in text


@pytest.mark.django_db
def test_what_is_not_there_says_why_it_may_be_gone(client: Client) -> None:
    client.force_login(make_user())
    response = client.get("/tasks/9999/")
    assert response.status_code == 404
    assert "may have been deleted" in text_of(response)


@pytest.mark.django_db
def test_a_form_without_its_token_was_not_saved(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user())
    response = strict.post("/tasks/builtin")
    assert response.status_code == 403
    assert "Nothing was saved." in text_of(response)


@pytest.mark.django_db
def test_an_unknown_host_is_told_which_setting_names_it(client: Client) -> None:
    response = client.get("/", headers={"host": "elsewhere.example"})
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in text_of(response)


def test_too_many_fields_are_too_much() -> None:
    response = bad_request(RequestFactory().post("/tasks/new"), TooManyFieldsSent())
    assert response.status_code == 413


@contextmanager
def no_database() -> Iterator[None]:
    def away(*_: object) -> None:
        raise OperationalError('connection to "db.internal" failed for user "tuner"')

    with connection.execute_wrapper(away):
        yield


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/tasks/1/", "/system/", "/sign-in/", "/admin/"])
def test_a_database_that_is_away_is_said_on_every_page(path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    with no_database():
        response = client.get(path)
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "The database does not answer" in text_of(response)
    assert "internal" not in text_of(response)


@pytest.mark.django_db
def test_a_fault_while_the_database_answers_is_a_fault() -> None:
    def broken(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql != "SELECT 1":
            raise OperationalError("no such table: x")
        return execute(sql, *rest)

    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    with connection.execute_wrapper(broken):
        response = client.get("/")
    assert response.status_code == 500


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_what_programs_ask_does_not_ask_who_is_signed_in(path: str, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = "shown"
    client = Client()
    client.force_login(make_user())
    with no_database():
        response = client.get(path, headers={"authorization": "Bearer shown"})
    assert response.status_code == 503
    assert b"does not answer" in response.content
