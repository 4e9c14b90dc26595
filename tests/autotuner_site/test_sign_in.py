"""Wrong passwords are counted, sessions can be ended, and the site opens to others only ready."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory

from autotuner_site.exposure import exposure_faults, is_loopback
from autotuner_site.first_admin import sign_in_path
from autotuner_site.requests import client_address
from autotuner_site.roles import Role
from tests.factories import make_user
from tests.pages import text_of

RIGHT = {"username": "ada", "password": "not a secret"}
WRONG = RIGHT | {"password": "a guess"}


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada")


def guess(client: Client, times: int = 5, path: str = "/sign-in/", **where: str) -> Any:
    for _ in range(times):
        response = client.post(path, WRONG, **where)  # type: ignore[arg-type]
    return response


@pytest.mark.parametrize("path", ["/sign-in/", "/admin/login/"])
def test_after_five_wrong_passwords_the_right_one_is_refused_too(ada: User, path: str) -> None:
    client = Client()
    assert guess(client, 4, path).status_code == 200
    response = guess(client, 1, path)
    assert response.status_code == 429
    assert "Wait 15 minutes" in text_of(response)
    assert client.post(path, RIGHT).status_code == 429
    assert client.get("/").status_code == 302


def test_a_right_password_forgets_the_wrong_ones_before_it(ada: User) -> None:
    for _ in range(3):
        guess(Client(), 4)
        assert Client().post("/sign-in/", RIGHT).status_code == 302


def test_others_are_not_shut_out_with_one_who_guessed(ada: User) -> None:
    make_user("bob")
    guess(Client())
    assert Client().post("/sign-in/", RIGHT | {"username": "bob"}).status_code == 302
    elsewhere: dict[str, Any] = {"REMOTE_ADDR": "192.0.2.9"}
    assert Client().post("/sign-in/", RIGHT, **elsewhere).status_code == 302


def test_the_one_time_link_goes_on_working(ada: User) -> None:
    guess(Client())
    assert Client().get(sign_in_path(ada)).status_code == 302


def test_an_administrator_lets_somebody_in_again(ada: User) -> None:
    guess(Client())
    browser = Client()
    browser.force_login(make_user("root"))
    sent = {"action": "let_sign_in", "_selected_action": ada.pk}
    assert browser.post("/admin/auth/user/", sent).status_code == 302
    assert Client().post("/sign-in/", RIGHT).status_code == 302


def test_the_machine_lets_everybody_in_again(ada: User) -> None:
    guess(Client())
    call_command("axes_reset", verbosity=0)
    assert Client().post("/sign-in/", RIGHT).status_code == 302


@pytest.mark.parametrize(
    ("count", "heard", "address"),
    [
        (0, "198.51.100.1", "203.0.113.5"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "made up, 198.51.100.1", "198.51.100.1"),
        (2, "made.up, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (1, "", "203.0.113.5"),
        (2, "198.51.100.1", "203.0.113.5"),
        (1, "<script>", "203.0.113.5"),
    ],
)
def test_who_guesses_cannot_say_to_come_from_elsewhere(
    settings: Any, count: int, heard: str, address: str
) -> None:
    settings.PROXY_COUNT = count
    request = RequestFactory().get(
        "/", headers={"x-forwarded-for": heard}, REMOTE_ADDR="203.0.113.5"
    )
    assert client_address(request) == address


# Sessions


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_signing_out_on_all_devices_ends_every_session_of_this_account_alone(ada: User) -> None:
    here, there, other = signed_in(ada), signed_in(ada), signed_in(make_user("bob"))
    response = here.post("/sign-out/everywhere", follow=True)
    assert "signed out on all devices" in text_of(response)
    assert [is_in(here), is_in(there), is_in(other)] == [False, False, True]


def test_a_new_password_ends_every_other_session(ada: User) -> None:
    here, there = signed_in(ada), signed_in(ada)
    new = "correct horse battery"
    sent = {"old_password": "not a secret", "new_password1": new, "new_password2": new}
    assert here.post("/password/", sent).status_code == 302
    assert [is_in(here), is_in(there)] == [True, False]


def test_an_administrator_ends_the_sessions_of_another(ada: User) -> None:
    browser, there = signed_in(ada), signed_in(bob := make_user("bob", role=Role.VIEWER))
    browser.post("/admin/auth/user/", {"action": "sign_out", "_selected_action": bob.pk})
    assert [is_in(browser), is_in(there)] == [True, False]


def test_an_account_that_is_shut_is_out_at_once(ada: User) -> None:
    client = signed_in(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert not is_in(client)


# Listening for others


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_loopback_needs_nothing(host: str) -> None:
    assert is_loopback(host)
    assert not list(exposure_faults(host, debug=True, allowed_hosts=[]))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tuner.example", "localhost.x"])
def test_others_may_come_once_debug_is_off_and_hosts_are_named(host: str) -> None:
    local = ["localhost", "127.0.0.1", "[::1]"]
    debug, hosts = exposure_faults(host, debug=True, allowed_hosts=local)
    assert "DEBUG=false" in debug
    assert "ALLOWED_HOSTS=" in hosts
    assert list(exposure_faults(host, debug=False, allowed_hosts=["*"]))
    assert not list(exposure_faults(host, debug=False, allowed_hosts=[*local, "tuner.example"]))


def test_serve_refuses_to_listen_for_others_before_that(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    with pytest.raises(Exception, match="ALLOWED_HOSTS names this machine alone"):
        call_command("serve", bind="0.0.0.0:8765")
