"""Where this site is reached, for links that are followed from elsewhere: mails, other programs."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULT = "http://localhost:8765"
EXAMPLE = "https://autotuner.example"
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def site_url(given: str, *, https_only: bool, allowed_hosts: Sequence[str]) -> str:
    """What SITE_URL says, without a slash at its end; else what follows from other settings.

    Raises ImproperlyConfigured."""
    if given.strip():
        return _checked(given.strip().rstrip("/"))
    names = (host for host in allowed_hosts if re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9.-]*", host))
    public = next((name for name in names if name not in _LOCAL), None)
    return f"https://{public}" if https_only and public else DEFAULT


def absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_right = is_right and not (parts.username or parts.query or parts.fragment)
        parts.port  # noqa: B018  # raises where it is none
    except ValueError:
        is_right = False
    if not is_right:
        raise ImproperlyConfigured(
            f"SITE_URL is no address of a site; write it as {EXAMPLE}, without a name or password"
        )
    return url
