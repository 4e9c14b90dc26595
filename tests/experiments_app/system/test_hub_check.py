"""The hub and proxies of these tests are small servers that answer as the real ones do."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from experiments_app.site_settings import DEFINITIONS
from experiments_app.system.hub_check import check_hub, check_proxy
from experiments_app.system.outcome import Verdict
from tasks_app.masking import MASK
from tests.served import QuietHandler, served

pytestmark = pytest.mark.django_db
Serve = Callable[..., str]


@pytest.fixture(autouse=True)
def nothing_set(settings: Any) -> None:
    settings.SETTING_SOURCES = {}
    for name, definition in DEFINITIONS.items():
        setattr(settings, name, definition.default)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(status, body)` gives the address of a server that says so to everything."""
    with ExitStack() as servers:

        def start(status: int, body: str = "{}") -> str:
            class Handler(QuietHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body.encode())

                do_CONNECT = do_GET

            return f"http://127.0.0.1:{servers.enter_context(served(Handler))}"

        yield start


def test_a_hub_that_takes_the_token_is_fine(settings: Any, serve: Serve) -> None:
    settings.HF_ENDPOINT = serve(200, json.dumps({"name": "ada"}))
    settings.HF_TOKEN = "hf_token"
    found = check_hub()
    assert found.verdict is Verdict.OK
    assert "ada" in found.message


def test_a_mirror_that_answers_is_told_without_its_password(settings: Any, serve: Serve) -> None:
    settings.HF_ENDPOINT = serve(200, "[]").replace("http://", "http://user:hunter2@")
    settings.SETTING_SOURCES = {"HF_ENDPOINT": ".env"}
    found = check_hub()
    assert found.verdict is Verdict.OK
    assert f"user:{MASK}@" in found.message
    assert "hunter2" not in str(found)


def test_a_token_that_the_hub_refuses_is_told(settings: Any, serve: Serve) -> None:
    settings.HF_ENDPOINT = serve(401)
    settings.HF_TOKEN = "hf_token"
    found = check_hub()
    assert found.verdict is Verdict.WARNING
    assert "token" in found.message
    assert "HF_TOKEN" in found.remedy


def test_a_hub_that_is_not_there_is_told(settings: Any) -> None:
    settings.HF_ENDPOINT = "http://127.0.0.1:9"
    found = check_hub()
    assert "cannot be reached" in found.message
    assert "HTTPS_PROXY" in found.remedy


def test_a_proxy_that_refuses_is_told_without_its_password(settings: Any, serve: Serve) -> None:
    settings.HTTPS_PROXY = serve(407).replace("http://", "http://user:hunter2@")
    found = check_hub()
    assert "407" in found.message
    assert f"user:{MASK}@" in found.message
    assert "http://user:password@" in found.remedy
    assert "hunter2" not in str(found)


def test_a_proxy_that_is_not_there_is_told(settings: Any) -> None:
    settings.HTTPS_PROXY = "http://127.0.0.1:9"
    found = check_hub()
    assert "the proxy http://127.0.0.1:9 cannot be reached" in found.message


def test_offline_nobody_is_asked(settings: Any) -> None:
    settings.HF_HUB_OFFLINE = True
    settings.HF_ENDPOINT = "http://127.0.0.1:9"
    found = check_hub()
    assert found.verdict is Verdict.OK
    assert "not asked" in found.message


def test_the_proxys_password_is_masked(settings: Any) -> None:
    settings.HTTPS_PROXY = "http://user:hunter2@proxy:3128"
    assert "hunter2" not in check_proxy().message
    assert f"user:{MASK}@proxy" in check_proxy().message
