"""How our child processes reach the network: proxies and the hub token, in every spelling."""

from django.conf import settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def no_proxy() -> str:
    """NO_PROXY with loopback always in it."""
    named = [host.strip() for host in settings.NO_PROXY.split(",") if host.strip()]
    return ",".join(dict.fromkeys([*named, *LOOPBACK]))


def proxy_environment() -> dict[str, str]:
    """Proxies in upper and lower case (curl reads the one, requests the other); loopback never
    goes through them. The hub token under both names that libraries read."""
    proxies = {
        "HTTP_PROXY": settings.HTTP_PROXY,
        "HTTPS_PROXY": settings.HTTPS_PROXY,
        "NO_PROXY": no_proxy(),
    }
    environment = {name: value for name, value in proxies.items() if value}
    environment |= {name.lower(): value for name, value in environment.items()}
    if settings.HF_TOKEN:
        environment |= {
            "HF_TOKEN": settings.HF_TOKEN,
            "HUGGING_FACE_HUB_TOKEN": settings.HF_TOKEN,
        }
    if settings.HF_HOME:
        environment["HF_HOME"] = str(settings.HF_HOME)
    return environment
