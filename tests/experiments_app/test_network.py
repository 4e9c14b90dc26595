from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from autotuner_site.outbound_check import Target, parsed
from experiments_app.network import CA_VARIABLES, ca_bundle, network_environment
from experiments_app.notifications.webhook import WebhookMessage
from experiments_app.site_settings import DEFINITIONS, store
from tasks_app.spec_deployment import Access

pytestmark = pytest.mark.django_db
TOKEN = "hf_" + "t" * 34


@pytest.fixture(autouse=True)
def nothing_set(settings: Any) -> None:
    settings.SETTING_SOURCES = {}
    settings.HF_HOME = None
    for name, definition in DEFINITIONS.items():
        setattr(settings, name, definition.default)


def test_loopback_never_goes_through_a_proxy(settings: Any) -> None:
    settings.NO_PROXY = "intranet.example, 127.0.0.1"
    settings.HTTP_PROXY = "http://proxy:3128"
    environment = network_environment()
    assert environment["NO_PROXY"] == "intranet.example,127.0.0.1,localhost,::1"
    assert environment["no_proxy"] == environment["NO_PROXY"]


@pytest.mark.parametrize(
    ("url", "proxy"), [("http://127.0.0.1:9/", ""), ("http://a.example/", "http://proxy:3128")]
)
def test_nor_do_the_sites_own_requests(settings: Any, url: str, proxy: str) -> None:
    settings.HTTP_PROXY = "http://proxy:3128"
    assert WebhookMessage.of(url, "", uuid4(), {}).proxies.for_(Target(parsed(url), ())) == proxy


def test_proxies_and_token_come_in_every_spelling(settings: Any) -> None:
    settings.HTTP_PROXY = "http://proxy:3128"
    settings.HTTPS_PROXY = "http://proxy:3129"
    settings.HF_TOKEN = "hf_secret"
    environment = network_environment()
    assert environment["http_proxy"] == environment["HTTP_PROXY"] == "http://proxy:3128"
    assert environment["https_proxy"] == environment["HTTPS_PROXY"] == "http://proxy:3129"
    assert environment["HF_TOKEN"] == environment["HUGGING_FACE_HUB_TOKEN"] == "hf_secret"


def test_what_is_not_set_is_left_out() -> None:
    assert set(network_environment()) == {"NO_PROXY", "no_proxy"}


def test_what_was_set_in_the_browser_reaches_the_servers() -> None:
    store("HTTPS_PROXY", "http://proxy:3129")
    store("HF_ENDPOINT", "https://mirror.example/")
    store("HF_HUB_OFFLINE", "true")
    environment = network_environment()
    assert environment["https_proxy"] == "http://proxy:3129"
    assert environment["HF_ENDPOINT"] == "https://mirror.example"
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_a_tasks_own_access_counts_before_the_sites(settings: Any) -> None:
    settings.HTTP_PROXY = "http://site:3128"
    settings.HTTPS_PROXY = "http://site:3128"
    settings.NO_PROXY = "intranet.example"
    settings.HF_TOKEN = "hf_site"
    access = Access(http_proxy="", no_proxy="task.example", hub_token=TOKEN)
    environment = network_environment(access)
    assert "HTTP_PROXY" not in environment
    assert environment["HTTPS_PROXY"] == "http://site:3128"
    assert environment["NO_PROXY"] == "task.example,localhost,127.0.0.1,::1"
    assert environment["HF_TOKEN"] == TOKEN


def test_a_bundle_of_certificates_is_named_to_every_library(settings: Any) -> None:
    assert ca_bundle() is None
    settings.CA_BUNDLE = Path("/etc/ssl/proxy.pem")
    assert ca_bundle() == Path("/etc/ssl/proxy.pem")
    environment = network_environment()
    assert {environment[name] for name in CA_VARIABLES} == {"/etc/ssl/proxy.pem"}
