"""What must be set before the site may be reached from other machines."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
SHORTEST_KEY = 50
FEWEST_CHARACTERS = 5


def is_loopback(host: str) -> bool:
    """Whether who listens there is heard on this machine alone. A name but localhost is not: it
    may lead anywhere."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def exposure_faults(host: str, *, debug: bool, allowed_hosts: Sequence[str]) -> Iterator[str]:
    """Why the site may not listen on `host`, each with what to set; nothing for loopback."""
    if is_loopback(host):
        return
    if debug:
        yield (
            "DEBUG is on: its error pages show code, settings and what was sent to whoever causes"
            " an error; set DEBUG=false"
        )
    named = [name for name in allowed_hosts if name not in LOOPBACK_NAMES]
    if not named:
        yield (
            "ALLOWED_HOSTS names this machine alone, so nobody else would be answered; set it to"
            " the names or addresses that browsers will use, say"
            " ALLOWED_HOSTS=tuner.example,192.0.2.7"
        )
    elif "*" in named:
        yield (
            "ALLOWED_HOSTS is *, and then a link in a page can be made to lead to any site; name"
            " those that browsers will use"
        )


def key_fault(secret_key: str) -> str:
    """Why it would be guessed; empty for a good one."""
    if len(secret_key) < SHORTEST_KEY or len(set(secret_key)) < FEWEST_CHARACTERS:
        return (
            f"SECRET_KEY signs sessions and sign-in links and must have {SHORTEST_KEY} random"
            f" characters or more, not {len(secret_key)}: leave it empty, and one is made and kept"
            " in AUTOTUNER_HOME"
        )
    return ""
