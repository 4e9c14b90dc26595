"""SITE_URL and EMAIL_URL: what they may say, and what follows where they say nothing."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from autotuner_site.email_url import MailServer, email_settings, sender
from autotuner_site.site_url import site_url

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.mark.parametrize(
    ("given", "https_only", "hosts", "expected"),
    [
        ("", False, ["localhost"], "http://localhost:8765"),
        ("", False, ["autotuner.example"], "http://localhost:8765"),
        ("", True, ["localhost", "autotuner.example"], "https://autotuner.example"),
        ("", True, ["*", ".example.org", "127.0.0.1"], "http://localhost:8765"),
        ("https://a.example/tuner/", True, ["b.example"], "https://a.example/tuner"),
        ("http://10.0.0.5:8765", False, [], "http://10.0.0.5:8765"),
    ],
)
def test_links_begin_with_what_was_set_or_follows(
    given: str, https_only: bool, hosts: list[str], expected: str
) -> None:
    assert site_url(given, https_only=https_only, allowed_hosts=hosts) == expected


@pytest.mark.parametrize(
    "given",
    ["autotuner.example", "ftp://a.example", "https://", "https://ada:secret@a.example",
     "https://a.example/?x=1", "https://a.example:port", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_of_a_site_is_refused(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SITE_URL.*https://autotuner\.example") as told:
        site_url(given, https_only=False, allowed_hosts=[])
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", MailServer()),
        ("smtps://mail.example", MailServer(SMTP, "mail.example", 465, use_ssl=True)),
        (
            "smtp://ada:p%40ss@mail.example:2525",
            MailServer(SMTP, "mail.example", 2525, "ada", "p@ss", use_tls=True),
        ),
        ("smtp+plain://127.0.0.1", MailServer(SMTP, "127.0.0.1", 25)),
    ],
)
def test_the_server_for_e_mails(url: str, expected: MailServer) -> None:
    assert email_settings(url) == expected


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtps://", "smtp://ada:secret@m:port"]
)
def test_what_is_no_such_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"EMAIL_URL.*smtps://user:password@") as told:
        email_settings(url)
    assert "secret" not in str(told.value)


def test_whom_e_mails_come_from() -> None:
    assert sender("", "https://a.example:8443") == "autotuner@a.example"
    assert sender("Tuner <t@b.example>", "https://a.example") == "Tuner <t@b.example>"
