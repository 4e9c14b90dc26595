"""E-mails to a server that speaks SMTP, and what is said where it does not take them."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from autotuner_site.email_url import email_settings
from experiments_app.notifications.mail import Mail
from tests.ports import free_port
from tests.smtp_receiver import Mailbox, receiving_mail

MAIL = Mail.of("ada@example.org", "[Autotuner] a\nb", ("It has ended.", "", "Grüße"), "4711")


def use(settings: LazySettings, url: str) -> None:
    server = email_settings(url)
    settings.EMAIL_URL, settings.EMAIL_BACKEND = url, server.backend
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = server.user, server.password
    settings.EMAIL_USE_SSL, settings.EMAIL_USE_TLS = server.use_ssl, server.use_tls
    settings.EMAIL_TIMEOUT = 2


@pytest.fixture
def mailbox(settings: LazySettings) -> Iterator[Mailbox]:
    with receiving_mail() as mailbox:
        use(settings, mailbox.url)
        yield mailbox


def test_a_server_gets_the_whole_message(mailbox: Mailbox, settings: LazySettings) -> None:
    settings.SITE_URL = "https://autotuner.example"
    settings.DEFAULT_FROM_EMAIL = "tuner@example.org"
    assert MAIL.send().is_ok
    (got,) = mailbox.received
    assert (got["To"], got["From"]) == ("ada@example.org", "tuner@example.org")
    assert got["Subject"] == "[Autotuner] a b"
    assert got["Message-ID"] == "<4711@autotuner.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert "Grüße" in got.get_content()


def test_what_the_server_refuses_is_told(mailbox: Mailbox) -> None:
    mailbox.refuses = b"550 no such reader"
    outcome = MAIL.send()
    assert not outcome.is_ok
    assert "no such reader" in outcome.error
    assert mailbox.received == []


def test_a_server_that_is_not_there_is_told_without_the_password(settings: LazySettings) -> None:
    use(settings, f"smtps://ada:sesame4711@127.0.0.1:{free_port()}")
    outcome = MAIL.send()
    assert "refused" in outcome.error
    assert "sesame4711" not in outcome.error
    assert not outcome.is_final
