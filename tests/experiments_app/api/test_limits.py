"""Too many calls of an account, or failed sign-ins from an address: 429, and when to return."""

from typing import Any

import pytest
from django.test import Client

from autotuner_site.roles import Role
from autotuner_site.tokens import make_token
from tests import factories
from tests.experiments_app.api.callers import Caller, refusal

pytestmark = pytest.mark.django_db
TOO_MANY: tuple[int, str, list[str]] = (429, "too_many_requests", [])


@pytest.fixture(autouse=True)
def limited(settings: Any) -> None:
    settings.API_CALLS_PER_MINUTE = 4
    settings.API_FAILED_SIGN_INS_PER_MINUTE = 3


@pytest.fixture
def call() -> Caller:
    return Caller(factories.make_user("olga", role=Role.OPERATOR))


def test_an_account_that_calls_too_often_is_told_when_to_come_back(call: Caller) -> None:
    assert [call("GET", "/me").status_code for _ in range(4)] == [200] * 4
    response = call("GET", "/me")
    assert refusal(response) == TOO_MANY
    assert 1 <= int(response.headers["Retry-After"]) <= 15
    assert "4 calls a minute" in response.data["error"]["message"]
    assert Caller(factories.make_user("piet"))("GET", "/me").status_code == 200


def test_more_tokens_are_no_more_calls_and_the_session_counts_too(call: Caller) -> None:
    assert call.user is not None
    other = Caller(secret=make_token(call.user, "other").secret)
    browser = Client()
    browser.force_login(call.user)
    assert [one("GET", "/me").status_code for one in (call, other, call)] == [200] * 3
    assert browser.get("/api/v1/me").status_code == 200
    assert browser.get("/api/v1/openapi.json").status_code == 429
    assert refusal(other("GET", "/me")) == TOO_MANY


def test_a_call_too_many_does_nothing(call: Caller) -> None:
    task = factories.completed_task((1.0,))
    for _ in range(4):
        call("GET", "/me")
    assert refusal(call("DELETE", f"/tasks/{task.pk}")) == TOO_MANY
    task.refresh_from_db()


@pytest.mark.parametrize("secret", ["att_wrong", ""])
def test_failed_sign_ins_are_counted_by_address(secret: str) -> None:
    stranger = Caller(secret=secret)
    assert [stranger("GET", "/me").status_code for _ in range(3)] == [401] * 3
    response = stranger("GET", "/tasks")
    assert refusal(response) == TOO_MANY
    assert 1 <= int(response.headers["Retry-After"]) <= 20
    assert refusal(stranger("GET", "/openapi.json")) == TOO_MANY


def test_a_right_token_is_answered_whoever_else_fails_from_its_address(call: Caller) -> None:
    for _ in range(6):
        Caller(secret="att_wrong")("GET", "/me")
    assert call("GET", "/me").status_code == 200


def test_another_address_counts_by_itself_and_an_ipv6_network_as_one() -> None:
    def status(address: str) -> int:
        response = Client(REMOTE_ADDR=address).get("/api/v1/me")
        return int(response.status_code)

    assert [status(f"2001:db8::{n}") for n in range(1, 5)] == [401, 401, 401, 429]
    assert status("2001:db8:0:1::1") == 401
    assert [status(f"198.51.100.{n}") for n in range(1, 6)] == [401] * 5


def test_every_call_has_it_in_the_document(call: Caller) -> None:
    document = call("GET", "/openapi.json").data
    for methods in document["paths"].values():
        for operation in methods.values():
            answer = operation["responses"]["429"]
            assert answer["description"] == "Too Many Requests: `too_many_requests`"
            assert answer["headers"]["Retry-After"]["required"]
