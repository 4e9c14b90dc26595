"""EMAIL_URL: which server sends the site's e-mails. No message repeats its password."""

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

EXAMPLE = "smtps://user:password@mail.example:465"
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""By the scheme: TLS that is asked for in the connection, TLS from its start, none."""
TIMEOUT_S = 10


@dataclass(frozen=True)
class MailServer:
    """As Django's settings have it; without an address nothing is ever sent."""

    backend: str = "django.core.mail.backends.dummy.EmailBackend"
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    use_ssl: bool = False
    use_tls: bool = False


def email_settings(url: str) -> MailServer:
    """Raises ImproperlyConfigured."""
    if not url.strip():
        return MailServer()
    parts, port = _parts(url.strip())
    if parts.scheme not in PORTS or not parts.hostname:
        raise ImproperlyConfigured(
            f"EMAIL_URL begins with {parts.scheme or 'no scheme'!r}; write it as {EXAMPLE}, with"
            " smtp:// where the server asks for STARTTLS, smtp+plain:// where it has no TLS"
        )
    return MailServer(
        backend="django.core.mail.backends.smtp.EmailBackend",
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_ssl=parts.scheme == "smtps",
        use_tls=parts.scheme == "smtp",
    )


def _parts(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(
            f"EMAIL_URL is no address that can be read; write it as {EXAMPLE}, signs such as @ / #"
            " in a password as %40 %2F %23"
        ) from None
    return parts, port


def sender(given: str, site_url: str) -> str:
    """EMAIL_FROM, or an address of the site itself."""
    return given.strip() or f"autotuner@{urlsplit(site_url).hostname or 'localhost'}"
