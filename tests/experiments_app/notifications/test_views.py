"""The pages of one's channels: everything by forms, a secret shown once, nobody else's to see."""

import re
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core import mail as django_mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from autotuner_site.roles import Role
from experiments_app.models import Channel, Delivery
from experiments_app.notifications import channels
from tests import factories
from tests.attacker import Fields
from tests.pages import messages_of, text_of
from tests.webhook_receiver import Receiver

pytestmark = pytest.mark.django_db
LIST = "/account/notifications"


@pytest.fixture
def browser(client: Client) -> Client:
    """A viewer's: whoever may look at tasks may be told of them."""
    client.force_login(factories.make_user("ada", role=Role.VIEWER))
    return client


def add(browser: Client, kind: str = "webhook", **sent: Any) -> Any:
    path = f"{LIST}/new/{kind}"
    fields = Fields(browser.get(path).content.decode()).values
    return browser.post(path, fields | {"name": "mine"} | sent, follow=True)


def secrets_in(response: Any) -> list[str]:
    return re.findall(r"whsec_[\w+/=]+", response.content.decode())


def said_of_a_test(browser: Client) -> str:
    return messages_of(browser.post(f"{LIST}/1/test", follow=True))[-1]


def test_a_webhook_is_added_and_its_secret_shown_once(browser: Client, receiver: Receiver) -> None:
    page = add(browser, url=receiver.url)
    channel = Channel.objects.get()
    assert secrets_in(page) == [channel.secret]
    assert "not shown again" in text_of(page)
    again = browser.get(f"{LIST}/{channel.number}/")
    assert secrets_in(again) == []
    for response in (page, again, browser.get(LIST), browser.get(f"{LIST}/1/edit")):
        assert "very-secret-path" not in text_of(response)
    assert f"http://127.0.0.1:{receiver.port}/…" in text_of(again)


def test_the_log_says_when_each_try_was_and_what_came_of_it_once(browser: Client) -> None:
    channel = factories.make_channel(User.objects.get())
    lost = factories.make_delivery(channel, factories.completed_task((50.0,)))
    text = text_of(browser.get(f"{LIST}/1/"))
    at = lost.attempts[0]["at"]
    assert f'<time datetime="{at}">{at[:10]} {at[11:19]}</time>: it answered 502' in text
    assert text.count("502") == 2  # its state, and the try


def test_an_address_that_is_not_confirmed_is_offered_no_test(browser: Client) -> None:
    factories.make_email_channel(User.objects.get(), "ada@example.org", confirmed=False)
    text = text_of(browser.get(f"{LIST}/1/"))
    assert "Nothing was sent yet." in text
    assert "A test shows" not in text


def test_what_is_stored_of_it_cannot_be_read(browser: Client, receiver: Receiver) -> None:
    add(browser, url=receiver.url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT private FROM experiments_app_channel")
        stored = str(cursor.fetchall())
        cursor.execute("SELECT session_data FROM django_session")
        sessions = str(cursor.fetchall())
    assert "very-secret-path" not in stored
    assert "whsec_" not in stored + sessions


def test_a_test_says_whether_it_arrived(browser: Client, receiver: Receiver) -> None:
    add(browser, url=receiver.url)
    page = browser.post(f"{LIST}/1/test", follow=True)
    assert "The test arrived" in messages_of(page)[0]
    assert receiver.received[0].data["type"] == "test"
    assert receiver.received[0].is_signed_with(Channel.objects.get().secret)
    receiver.answers = [500]
    page = browser.post(f"{LIST}/1/test", follow=True)
    assert messages_of(page) == ["The test did not arrive: it answered 500"]
    assert Delivery.objects.filter(status=Delivery.Status.GIVEN_UP).count() == 1
    assert Channel.objects.get().failures_in_row == 0


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://169.254.169.254/latest", "private network"),
        ("http://127.0.0.1:8000/", "TASK_HOSTS"),
        ("ftp://hooks.example/", "https:// or http://"),
        ("https://user:password@93.184.216.34/", "no name and no password"),
        ("https://", "https:// or http://"),
        ("https://93.184.216.34:99999/", ""),
        ("https://93.184.216.34:22/", "Port 22"),
        ("x" * 3000, "at most 2000"),
        ("", "required"),
        ("javascript:alert(1)", "https:// or http://"),
        ("http://[::1", ""),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_wrong(
    url: str, hint: str, browser: Client
) -> None:
    page = add(browser, url=url)
    assert page.status_code == 422
    assert hint in text_of(page)
    assert not Channel.objects.exists()


def test_a_name_that_leads_inside_is_refused(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [(2, 1, 6, "", ("10.1.2.3", 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: inside)
    assert "private network" in text_of(add(browser, url="https://hooks.example/"))
    monkeypatch.setattr("django.conf.settings.TASK_HOSTS", ["hooks.example"])
    assert add(browser, url="https://hooks.example/").status_code == 200


def test_a_channel_that_tells_of_nothing_is_refused(browser: Client, receiver: Receiver) -> None:
    path = f"{LIST}/new/webhook"
    page = browser.post(path, {"name": "mine", "url": receiver.url, "scope": "all"})
    assert "Choose at least one" in text_of(page)


def test_it_is_changed_and_keeps_what_is_left_empty(browser: Client, receiver: Receiver) -> None:
    add(browser, url=receiver.url)
    before = Channel.objects.get()
    fields = Fields(browser.get(f"{LIST}/1/edit").content.decode()).values
    assert fields["url"] == ""
    browser.post(f"{LIST}/1/edit", fields | {"name": "another", "scope": "all"})
    after = Channel.objects.get()
    assert (after.name, after.scope) == ("another", "all")
    assert after.private == before.private


def test_a_new_secret_is_shown_once_and_signs_from_then_on(
    browser: Client, receiver: Receiver
) -> None:
    add(browser, url=receiver.url)
    old = Channel.objects.get().secret
    page = browser.post(f"{LIST}/1/secret", follow=True)
    new = Channel.objects.get().secret
    assert new != old
    assert secrets_in(page) == [new]
    browser.post(f"{LIST}/1/test")
    assert receiver.received[0].is_signed_with(new)
    assert not receiver.received[0].is_signed_with(old)


def test_it_is_switched_off_on_and_removed(browser: Client, receiver: Receiver) -> None:
    add(browser, url=receiver.url)
    browser.post(f"{LIST}/1/switch", {"on": "0"})
    assert Channel.objects.get().state == "off"
    browser.post(f"{LIST}/1/switch", {"on": "1"})
    assert Channel.objects.get().state == "on"
    browser.post(f"{LIST}/1/delete")
    assert not Channel.objects.exists()


def test_nobody_sees_or_changes_anothers(browser: Client, receiver: Receiver) -> None:
    other = factories.make_channel(factories.make_user("bob"), receiver.url)
    for path in ("", "edit", "delete", "confirm"):
        assert browser.get(f"{LIST}/{other.number}/{path}").status_code == 404
    for path in ("test", "again", "switch", "secret", "delete", "edit", "confirm"):
        assert browser.post(f"{LIST}/{other.number}/{path}").status_code == 404
    assert "team chat" not in text_of(browser.get(LIST))
    own = factories.make_channel(factories.make_user("eve"), receiver.url)
    task = factories.completed_task((50.0,))
    delivery = Delivery.objects.get(channel=own, task_number=task.pk)
    add(browser, url=receiver.url)
    page = browser.post(f"{LIST}/1/again", {"delivery": delivery.pk}, follow=True)
    assert "nothing to send again" in messages_of(page)[0]


def test_an_account_has_so_many_and_no_more(
    browser: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "MOST", 1)
    add(browser, url=receiver.url)
    page = add(browser, url=receiver.url)
    assert page.status_code == 422
    assert "1 channels at most" in text_of(page)


def test_a_channel_whose_key_is_gone_says_so(browser: Client, receiver: Receiver) -> None:
    add(browser, url=receiver.url)
    Channel.objects.update(private={"url": "sealed:gone", "secret": "sealed:gone"})
    assert "the key that it was stored with is gone" in text_of(browser.get(f"{LIST}/1/"))
    page = browser.post(f"{LIST}/1/test", follow=True)
    assert "key" in messages_of(page)[0]


def test_the_log_shows_what_was_sent_and_sends_it_again(
    browser: Client, receiver: Receiver
) -> None:
    add(browser, url=receiver.url, scope="all")
    task = factories.completed_task((50.0,))
    delivery = factories.make_delivery(Channel.objects.get(), task)
    page = text_of(browser.get(f"{LIST}/1/"))
    assert "it answered 502" in page
    assert "&quot;type&quot;: &quot;task.completed&quot;" in page
    browser.post(f"{LIST}/1/again", {"delivery": delivery.pk})
    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.PENDING


# E-mail


def test_an_address_is_used_when_its_reader_has_confirmed_it(
    browser: Client, settings: LazySettings
) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    page = add(browser, "email", address="ada@example.org")
    assert "Nothing is sent yet" in text_of(page)
    (sent,) = django_mail.outbox
    found = re.search(r"http://localhost:8765(\S+)", str(sent.body))
    assert found is not None
    assert "Confirm the address first" in said_of_a_test(browser)
    assert not Channel.objects.get().is_confirmed
    page = browser.get(found[1])
    browser.post(f"{LIST}/1/confirm", Fields(page.content.decode()).values)
    assert Channel.objects.get().is_confirmed
    assert "The test arrived" in said_of_a_test(browser)


def test_a_link_of_another_address_confirms_nothing(
    browser: Client, settings: LazySettings
) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    add(browser, "email", address="ada@example.org")
    token = channels.Confirmation(Channel.objects.get().pk, "bob@example.org").written()
    for wrong in (token, "made-up", ""):
        response = browser.get(f"{LIST}/1/confirm", {"token": wrong})
        assert response.status_code == 410
    browser.post(f"{LIST}/1/confirm", {"token": token})
    assert not Channel.objects.get().is_confirmed


def test_the_address_that_an_administrator_gave_the_account_needs_no_link(
    browser: Client, settings: LazySettings
) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    user = User.objects.get()
    user.email = "ada@example.org"
    user.save()
    add(browser, "email", address="Ada@example.org")
    assert Channel.objects.get().is_confirmed
    assert django_mail.outbox == []


def test_the_link_is_not_sent_again_and_again(browser: Client, settings: LazySettings) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    add(browser, "email", address="ada@example.org")
    page = browser.post(f"{LIST}/1/confirm", follow=True)
    assert "less than a minute ago" in messages_of(page)[0]
    assert len(django_mail.outbox) == 1


def test_nobody_is_flooded_with_links_by_address_after_address(
    browser: Client, settings: LazySettings
) -> None:
    settings.EMAIL_URL = "smtps://mail.example"
    add(browser, "email", address="ada@example.org")
    fields = Fields(browser.get(f"{LIST}/1/edit").content.decode()).values
    for number in range(8):
        changed = fields | {"address": f"{number}@example.org"}
        page = browser.post(f"{LIST}/1/edit", changed, follow=True)
    assert len(django_mail.outbox) == channels.CONFIRMATIONS.calls
    assert "asked for often just now" in messages_of(page)[-1]


def test_tests_come_one_after_the_other_and_not_all_at_once(
    browser: Client, receiver: Receiver
) -> None:
    add(browser, url=receiver.url)
    said = [said_of_a_test(browser) for _ in range(channels.TESTS.calls + 1)]
    assert ["arrived" in one for one in said] == [True] * channels.TESTS.calls + [False]
    assert "try again in" in said[-1]


def test_without_a_server_no_address_is_taken_and_the_page_says_why(browser: Client) -> None:
    assert "EMAIL_URL" in text_of(browser.get(LIST))
    assert "Add an e-mail address" not in text_of(browser.get(LIST))
    assert "EMAIL_URL" in text_of(add(browser, "email", address="ada@example.org"))
    assert not Channel.objects.exists()


def test_there_is_no_other_kind(browser: Client) -> None:
    assert browser.get(f"{LIST}/new/pigeon").status_code == 404


# The bell


def test_the_bell_follows_mutes_and_leaves_it_to_the_channels(browser: Client) -> None:
    task = factories.make_task()
    path = f"/tasks/{task.pk}/"
    assert "You have no channel yet" in text_of(browser.get(path))
    factories.make_channel(User.objects.get(), scope="mine")
    assert "do not tell of this task" in text_of(browser.get(path))
    for wish, words in (
        ("follow", "One channel tells you"),
        ("mute", "Muted"),
        ("", "do not tell of this task"),
    ):
        page = browser.post(f"{path}follow", {"wish": wish}, follow=True)
        assert words in text_of(page)
    page = browser.post(f"{path}follow", {"wish": "shout"}, follow=True)
    assert "must be follow, mute or empty" in messages_of(page)[0]


# Administrators


def test_an_administrator_sees_what_became_of_everybodys(client: Client) -> None:
    admin = factories.make_user("root")
    client.force_login(admin)
    channel = factories.make_channel(factories.make_user("ada", role=Role.VIEWER))
    factories.make_delivery(channel, factories.completed_task((50.0,)))
    page = text_of(client.get("/system/notifications"))
    assert "ada: team chat" in page
    assert "it answered 502" in page
    assert "it answered 502" not in text_of(client.get("/system/notifications?status=delivered"))


@pytest.mark.parametrize("path", [LIST, f"{LIST}/1/", "/system/notifications"])
def test_the_pages_ask_as_often_for_many_as_for_few(path: str, client: Client) -> None:
    user = factories.make_user("root")
    client.force_login(user)
    task = factories.make_task()
    counts = []
    for many in (1, 6):
        for _ in range(many):
            channel = factories.make_channel(user)
            factories.make_delivery(channel, task)
            factories.make_delivery(Channel.objects.get(number=1), task)
        client.get(path)
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
