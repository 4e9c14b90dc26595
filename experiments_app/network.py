"""How the site and its child processes reach the network: proxies, certificates, the hub token."""

from pathlib import Path

from django.conf import settings

from autotuner_site.outbound import Proxies
from experiments_app.site_settings import Source, setting, settings_in_force
from tasks_app.spec_deployment import Access

LOOPBACK = ("localhost", "127.0.0.1", "::1")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def with_loopback(no_proxy: str) -> str:
    """NO_PROXY with loopback always in it."""
    named = [host.strip() for host in no_proxy.split(",") if host.strip()]
    return ",".join(dict.fromkeys([*named, *LOOPBACK]))


def site_proxies() -> Proxies:
    """For requests of the site itself; loopback never goes through them."""
    site = settings_in_force()
    return Proxies(
        site["HTTP_PROXY"].value, site["HTTPS_PROXY"].value, with_loopback(site["NO_PROXY"].value)
    )


def ca_bundle() -> Path | None:
    """File of certificates to trust, for a proxy that intercepts TLS."""
    path = setting("CA_BUNDLE").value
    return Path(path) if path else None


def network_environment(access: Access | None = None) -> dict[str, str]:
    """For a child process. Proxies in upper and lower case (curl reads the one, requests the
    other); loopback never goes through them. The hub token under both names that libraries read.
    What a task's `access` says counts before the site's settings; an empty text there means
    none."""
    site = settings_in_force()
    access = access or Access()

    def chosen(own: str | None, name: str) -> str:
        return site[name].value if own is None else own

    proxies = {
        "HTTP_PROXY": chosen(access.http_proxy, "HTTP_PROXY"),
        "HTTPS_PROXY": chosen(access.https_proxy, "HTTPS_PROXY"),
        "NO_PROXY": with_loopback(chosen(access.no_proxy, "NO_PROXY")),
    }
    environment = {name: value for name, value in proxies.items() if value}
    environment |= {name.lower(): value for name, value in environment.items()}
    if bundle := site["CA_BUNDLE"].value:
        environment |= dict.fromkeys(CA_VARIABLES, bundle)
    if token := chosen(access.hub_token, "HF_TOKEN"):
        environment |= {"HF_TOKEN": token, "HUGGING_FACE_HUB_TOKEN": token}
    if site["HF_ENDPOINT"].source is not Source.DEFAULT:
        environment["HF_ENDPOINT"] = site["HF_ENDPOINT"].value
    if site["HF_HUB_OFFLINE"].value:
        environment["HF_HUB_OFFLINE"] = "1"
    if settings.HF_HOME:
        environment["HF_HOME"] = str(settings.HF_HOME)
    return environment
