"""Does the hub answer, through the proxy, with the token?"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from requests.utils import should_bypass_proxies

from experiments_app import hub
from experiments_app.network import network_environment
from experiments_app.system.outcome import Outcome, fine, warning
from tasks_app.masking import mask_urls

LIMIT_S = 12.0
"""A page waits for it, and gives up after 15 s (`defaultTimeout` in base.html)."""


def check_hub() -> Outcome:
    found = hub.test_connection(network_environment(), limit_s=LIMIT_S)
    if found.ok or found.kind is hub.HubErrorKind.OFFLINE_MISSING:  # as somebody wished
        return fine(found.message.rstrip("."))
    # What is so, then what to do about it.
    message, _, remedy = found.message.rstrip(".").partition(". ")
    return warning(message, remedy or "try again later")


def check_proxy() -> Outcome:
    environment = network_environment()
    named = [n for n in ("HTTP_PROXY", "HTTPS_PROXY", "SSL_CERT_FILE") if n in environment]
    if not named:
        return fine("none set; connections are direct")
    return fine(", ".join(f"{name}={mask_urls(environment[name])}" for name in named))


def proxy_for(url: str, environment: Mapping[str, str]) -> str:
    """The proxy that leads there, or ""."""
    if should_bypass_proxies(url, environment.get("NO_PROXY")):
        return ""
    return environment.get(f"{urlsplit(url).scheme.upper()}_PROXY", "")
