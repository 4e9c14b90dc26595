"""Settings made in the browser: kept encrypted, and behind what the environment says."""

from typing import Any

import pytest

from autotuner_site.sealing import KEY_NAME
from experiments_app import site_settings
from experiments_app.models import SiteSetting
from experiments_app.site_settings import DEFINITIONS, Source, setting, store, value_of
from tasks_app.masking import MASK

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_set(settings: Any) -> None:
    settings.SETTING_SOURCES = {}
    for name, definition in DEFINITIONS.items():
        setattr(settings, name, definition.default)


def test_what_nobody_set_is_the_default() -> None:
    found = setting("HF_ENDPOINT")
    assert (found.value, found.source) == ("https://huggingface.co", Source.DEFAULT)
    assert value_of("HF_TOKEN") == ""


def test_what_is_set_in_the_browser_is_in_force() -> None:
    store("HTTPS_PROXY", " http://proxy:3128 ")
    found = setting("HTTPS_PROXY")
    assert (found.value, found.source) == ("http://proxy:3128", Source.BROWSER)


def test_the_environment_counts_first(settings: Any) -> None:
    store("HF_TOKEN", "hf_browser")
    settings.HF_TOKEN = "hf_environment"
    settings.SETTING_SOURCES = {"HF_TOKEN": ".env"}
    assert (value_of("HF_TOKEN"), setting("HF_TOKEN").source) == ("hf_environment", ".env")


def test_a_flag_that_the_environment_switches_off_stays_off(settings: Any) -> None:
    store("HF_HUB_OFFLINE", "true")
    assert value_of("HF_HUB_OFFLINE") == "1"
    settings.HF_HUB_OFFLINE = False
    settings.SETTING_SOURCES = {"HF_HUB_OFFLINE": "environment"}
    assert value_of("HF_HUB_OFFLINE") == ""


def test_an_empty_value_takes_back_what_was_stored() -> None:
    store("HF_TOKEN", "hf_token")
    store("HF_TOKEN", "")
    assert not SiteSetting.objects.exists()
    assert setting("HF_TOKEN").source is Source.DEFAULT


def test_nothing_is_stored_in_the_clear() -> None:
    store("HF_TOKEN", "hf_secret_token")
    assert "hf_secret_token" not in SiteSetting.objects.get().encrypted_value


def test_the_key_is_for_its_owner_alone(settings: Any) -> None:
    store("HF_TOKEN", "hf_token")
    assert (settings.HOME.root / KEY_NAME).stat().st_mode & 0o077 == 0


def test_a_row_whose_key_is_lost_is_told_and_does_not_count(settings: Any) -> None:
    store("HTTP_PROXY", "http://proxy:3128")
    (settings.HOME.root / KEY_NAME).unlink()
    found = setting("HTTP_PROXY")
    assert (found.value, found.source) == ("", Source.DEFAULT)
    assert "Set it again" in found.fault
    store("HTTP_PROXY", "http://proxy:3129")
    assert setting("HTTP_PROXY").value == "http://proxy:3129"


def test_secrets_are_masked_where_they_are_shown() -> None:
    store("HF_TOKEN", "hf_token")
    store("HTTP_PROXY", "http://user:hunter2@proxy:3128")
    assert setting("HF_TOKEN").shown == MASK
    assert setting("HTTP_PROXY").shown == f"http://user:{MASK}@proxy:3128"


def test_all_of_them_take_one_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert set(site_settings.settings_in_force()) == set(DEFINITIONS)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("HTTP_PROXY", "proxy:3128", "http://"),
        ("HTTP_PROXY", "socks5://proxy:1080", "http://"),
        ("HTTPS_PROXY", "http://proxy:port", "http://"),
        ("HTTPS_PROXY", "http://", "http://"),
        ("HTTPS_PROXY", "http://a b", "space"),
        ("NO_PROXY", "http://intranet", "hosts alone"),
        ("HF_TOKEN", "hf_token\nX-Other: 1", "space"),
        ("HF_ENDPOINT", "mirror.example", "https://"),
        ("HF_HUB_OFFLINE", "maybe", "true or false"),
        ("DOCKER_REGISTRY", "https://registry.example/", "without https://"),
        ("DOCKER_PULL_TIMEOUT_S", "1h", "whole number"),
        ("DOCKER_PULL_TIMEOUT_S", "0", "whole number"),
        ("CA_BUNDLE", "certificates.pem", "absolute"),
        ("CA_BUNDLE", "/no/such/file.pem", "No such file"),
        ("CA_BUNDLE", "/etc/hostname", "PEM"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(
    name: str, value: str, hint: str
) -> None:
    with pytest.raises(ValueError, match=hint):
        store(name, value)
    assert not SiteSetting.objects.exists()
