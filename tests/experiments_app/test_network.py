from typing import Any

from experiments_app.network import proxy_environment


def test_loopback_never_goes_through_a_proxy(settings: Any) -> None:
    settings.NO_PROXY = "intranet.example, 127.0.0.1"
    settings.HTTP_PROXY = "http://proxy:3128"
    environment = proxy_environment()
    assert environment["NO_PROXY"] == "intranet.example,127.0.0.1,localhost,::1"
    assert environment["no_proxy"] == environment["NO_PROXY"]


def test_proxies_and_token_come_in_every_spelling(settings: Any) -> None:
    settings.HTTP_PROXY = "http://proxy:3128"
    settings.HTTPS_PROXY = "http://proxy:3129"
    settings.HF_TOKEN = "hf_secret"
    environment = proxy_environment()
    assert environment["http_proxy"] == environment["HTTP_PROXY"] == "http://proxy:3128"
    assert environment["https_proxy"] == environment["HTTPS_PROXY"] == "http://proxy:3129"
    assert environment["HF_TOKEN"] == environment["HUGGING_FACE_HUB_TOKEN"] == "hf_secret"


def test_what_is_not_set_is_left_out(settings: Any) -> None:
    settings.HTTP_PROXY = settings.HTTPS_PROXY = settings.HF_TOKEN = ""
    settings.HF_HOME = None
    assert set(proxy_environment()) == {"NO_PROXY", "no_proxy"}
