"""Which addresses lie in the open internet, however a number is written."""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Number = IPv4Address | IPv6Address

_NOT_FOR_US_4 = [
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # of protocols; one cloud's metadata too
        "192.88.99.0/24",  # relays of 6to4, gone
        "168.63.129.16/32",  # another cloud's metadata, in the middle of the public ones
    )
]
_UNICAST_6 = ip_network("2000::/3")
_NOT_FOR_US_6 = [ip_network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")


def is_public(number: Number) -> bool:
    """Anybody's in the open internet: not this machine's, a private network's, a carrier's, a
    cloud's metadata, a group's. An IPv4 address inside an IPv6 one counts as what it stands for."""
    number = stands_for(number)
    if not number.is_global or number.is_multicast or number.is_reserved:
        return False
    if isinstance(number, IPv4Address):
        return not any(number in network for network in _NOT_FOR_US_4)
    return number in _UNICAST_6 and not any(number in network for network in _NOT_FOR_US_6)


def stands_for(number: Number) -> Number:
    """The IPv4 address that a mapped, NAT64 or 6to4 one leads to; else the number itself."""
    if isinstance(number, IPv4Address):
        return number
    if number in _NAT64:
        return IPv4Address(number.packed[-4:])
    return number.ipv4_mapped or number.sixtofour or number


def number_written(text: str) -> Number | None:
    """Also where it is written as 127.1, 2130706433 or 0x7f000001; None if it is a name."""
    try:
        return ip_address(text.partition("%")[0] if ":" in text else text)  # without its zone
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(text))
    except (OSError, UnicodeError):
        return None


def numbers_of(host: str, *, look_up: bool) -> Iterator[Number]:
    """What a host stands for. `look_up`: ask the resolver, which may take its time; else only
    numbers and this machine's own names tell something. A name that nobody knows has none."""
    if look_up:
        try:
            texts = [str(info[4][0]) for info in socket.getaddrinfo(host, None)]
        except (OSError, UnicodeError):
            texts = [host]  # then nobody gets there either
    elif is_own_name(host):
        texts = ["127.0.0.1"]
    else:
        texts = [host]
    for text in texts:
        number = number_written(text)
        if number is not None:
            yield number


def is_own_name(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")
