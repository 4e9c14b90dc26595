"""Ids of requests, and the lines of the log that carry them."""

import json
import logging
import secrets
import sys

import pytest
from django.conf import LazySettings
from django.test import Client

from autotuner_site.log_context import log_fields
from autotuner_site.secret_marks import API_TOKEN
from experiments_app import task_log
from experiments_app.monitoring import health
from experiments_app.notifications.signing import new_secret
from tasks_app.log_format import JsonFormatter, TextFormatter
from tasks_app.masking import MASK

HEADER = "X-Request-ID"


def line(formatter: logging.Formatter, message: str, *, fault: bool = False) -> str:
    exc_info = sys.exc_info() if fault else None
    return formatter.format(
        logging.LogRecord("some.place", logging.WARNING, "x.py", 1, message, None, exc_info)
    )


def test_it_keeps_a_sane_id_and_makes_another_for_any_other(client: Client) -> None:
    kept = client.get("/sign-in/", headers={HEADER: "proxy-4711.a_b"})
    assert kept.headers[HEADER] == "proxy-4711.a_b"
    for given in (
        "",
        "short",
        "a" * 65,
        "two words",
        "new\nline-or-two",
        "töken-12345",
        '{"a": 1}',
    ):
        made = client.get("/sign-in/", headers={HEADER: given}).headers[HEADER]
        assert made != given
        assert len(made) == 32


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("/api/v1/tasks/", API_TOKEN + secrets.token_urlsafe(32)),
        ("/account/", new_secret()),
        ("/sign-in/MQ/", "d2xq1v-1a2b3c4d5e6f"),
    ],
    ids=["token of the API", "secret of a webhook", "link that signs in"],
)
@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_a_secret_in_a_path_is_masked(formatter: logging.Formatter, path: str, secret: str) -> None:
    told = line(formatter, f"Not Found: {path}{secret}")
    assert secret not in told
    assert MASK in told


@pytest.mark.django_db
def test_the_page_for_a_fault_names_the_id_that_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> dict[str, str]:
        raise RuntimeError("a bug")

    seen: list[str] = []
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    monkeypatch.setattr(handler, "emit", lambda record: seen.append(handler.format(record)))
    monkeypatch.setattr(health, "examine", broken)
    logging.getLogger("django.request").addHandler(handler)
    try:
        response = Client(raise_request_exception=False).get("/healthz")
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    request_id = response.headers[HEADER]
    assert response.status_code == 500
    assert request_id in response.content.decode()
    logged = json.loads(seen[-1])
    assert logged["request"] == request_id
    assert "RuntimeError: a bug" in logged["exception"]


def test_both_formats_carry_the_fields_of_the_block_and_of_those_around_it() -> None:
    with log_fields(task=3), log_fields(experiment=7):
        text, data = line(TextFormatter(), "it goes on"), json.loads(line(JsonFormatter(), "so"))
    assert text == "it goes on [task=3 experiment=7]"
    assert (data["task"], data["experiment"], data["message"]) == (3, 7, "so")
    assert line(TextFormatter(), "after it") == "after it"


def test_a_field_never_stands_for_what_every_line_has() -> None:
    with log_fields(message="forged", level="forged"):
        data = json.loads(line(JsonFormatter(), 'two\nlines and a "quote"'))
    assert data["message"] == 'two\nlines and a "quote"'
    assert data["level"] == "WARNING"


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_no_line_and_no_traceback_shows_a_secret(
    formatter: logging.Formatter, settings: LazySettings
) -> None:
    settings.METRICS_TOKEN = "sesame-of-the-site"
    with log_fields(['sesame "of" a task']):
        try:
            int('sesame "of" a task')
        except ValueError:
            text = line(formatter, "sesame-of-the-site http://ada:sesame@proxy", fault=True)
    assert "ValueError" in text
    assert "sesame" not in text


def test_what_happens_to_a_task_is_an_event_with_its_ids(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "experiments_app.task_log")
    caplog.handler.setFormatter(JsonFormatter())
    with log_fields(experiment=7):
        task_log.write(3, "measured", run=2, number=1)
    event = json.loads(caplog.text.splitlines()[-1])
    assert (event["task"], event["run"], event["number"], event["experiment"]) == (3, 2, 1, 7)
    assert event["message"] == "measured"
