"""Which addresses that users name may be asked: those of the open internet, looked up once."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import httpx

from autotuner_site.addresses import Number, is_own_name, is_public, number_written, numbers_of

LOOK_UP_S = 10.0
LONGEST_URL = 2_000
_HOST = re.compile(rb"[A-Za-z0-9._:-]+")


class OutboundError(Exception):
    """Its message is fit to be shown."""


class Refused(OutboundError):
    """Not an address, or an answer, that a request of a user's may lead to; no retry helps."""


class TooLarge(Refused):
    """The answer is longer than allowed."""


class NoAnswer(OutboundError):
    """Nobody answered, or not to the end; later it may go well."""


@dataclass(frozen=True)
class Target:
    """A checked address. `addresses`: the numbers to connect to; none if a proxy alone knows."""

    url: httpx.URL
    addresses: tuple[str, ...]

    @property
    def host(self) -> str:
        return self.url.host

    @property
    def port(self) -> int:
        return self.url.port or (443 if self.url.scheme == "https" else 80)


@dataclass(frozen=True)
class Proxies:
    """The site's, as in HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Behind one the name is looked up
    here as well, if anybody here knows it; the rest is for the proxy's own rules."""

    http: str = ""
    https: str = ""
    no_proxy: str = ""

    def for_(self, target: Target) -> str:
        chosen = self.https if target.url.scheme == "https" else self.http
        return "" if self._is_direct(target) else chosen

    def _is_direct(self, target: Target) -> bool:
        host = target.host.lower()
        for one in self.no_proxy.lower().replace(",", " ").split():
            named = one.removesuffix(f":{target.port}").removeprefix("*").strip("[]")
            if not named or host == named.lstrip(".") or host.endswith("." + named.lstrip(".")):
                return True
        return False


def check(
    url: str, *, allowed_hosts: Sequence[str], look_up_s: float = LOOK_UP_S, proxied: bool = False
) -> Target:
    """Raises Refused, or NoAnswer where nobody knows the name. `allowed_hosts`: names or numbers,
    as they stand in the address, that may lie in a private network: TASK_HOSTS."""
    whole = parsed(url)
    host = whole.host.lower().rstrip(".")
    target = Target(whole, ())
    is_allowed = host in {one.strip().lower().strip("[]") for one in allowed_hosts}
    if not is_allowed and target.port < 1024 and target.port not in {80, 443}:
        raise Refused(f"Port {target.port} is not one that web servers use.")
    found = _looked_up(host, look_up_s)
    if not is_allowed and not all(map(is_public, found)):
        raise Refused(
            f"{host} is an address of this machine or of a private network. An administrator can"
            " name it in TASK_HOSTS."
        )
    if not found and (not proxied or "." not in host or host.endswith((".internal", ".local"))):
        raise NoAnswer(f"Nobody knows a host named {host}.")
    return Target(whole, tuple(dict.fromkeys(map(str, found))))


def parsed(url: str) -> httpx.URL:
    """Only its words are looked at. Raises Refused."""
    if len(url) > LONGEST_URL:
        raise Refused(f"An address has no more than {LONGEST_URL} characters.")
    try:
        address = httpx.URL(url.strip())
        port = address.port
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused(f"This is no address: {error}.") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise Refused("An address begins with https:// or http:// and names a host.")
    if not _HOST.fullmatch(address.raw_host):  # a proxy may read %00 or %2f as it likes
        raise Refused("The host of an address has letters, digits, dots and hyphens.")
    if address.userinfo:
        raise Refused("An address holds no name and no password: they would be shown with it.")
    if port is not None and not 0 < port < 65536:
        raise Refused(f"There is no port {port}.")
    return address.copy_with(fragment=None)


def _looked_up(host: str, within_s: float) -> list[Number]:
    """The resolver has no time limit that we could set, so it works in a thread of its own."""
    number = number_written(host)
    if number is not None:
        return [number]
    found: list[Number] = []
    thread = threading.Thread(
        target=lambda: found.extend(numbers_of(host, look_up=True)), daemon=True
    )
    thread.start()
    thread.join(within_s)
    if thread.is_alive():
        raise NoAnswer(f"Looking up {host} took longer than {within_s:.0f} s.")
    if not found and is_own_name(host):
        return [IPv4Address("127.0.0.1")]
    return found
