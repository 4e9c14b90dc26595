"""How many calls an account may make, and how often an address may fail to sign in.

A right token is answered however many wrong ones its address has sent: 32 random bytes are not
found by trying, and one program with an old token must not lock out the others behind its proxy.
"""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from autotuner_site.rate_limits import Rate, take
from autotuner_site.requests import client_address
from experiments_app.api.errors import ApiError

IPV6_NETWORK = 64
"""Bits of an IPv6 address that one customer has: the rest is theirs to choose."""


def count_call(user: User) -> None:
    """Of all tokens and sessions of the account together. Raises ApiError where it was one too
    many."""
    most: int = settings.API_CALLS_PER_MINUTE
    if wait_s := take(f"api:{user.pk}", Rate(most)):
        raise _too_many(f"An account may make {most:,} calls a minute.", wait_s)


def not_signed_in(request: HttpRequest, message: str) -> ApiError:
    """401 with the message; 429 where its address has failed too often."""
    most: int = settings.API_FAILED_SIGN_INS_PER_MINUTE
    if wait_s := take(f"api:from:{_origin(client_address(request))}", Rate(most)):
        return _too_many(f"From one address {most:,} sign-ins a minute may fail.", wait_s)
    return ApiError(401, message)


def _too_many(rule: str, wait_s: int) -> ApiError:
    seconds = f"{wait_s} second{'s' if wait_s > 1 else ''}"
    message = f"{rule} Ask again in {seconds}."
    return ApiError(429, message, headers={"Retry-After": str(wait_s)})


def _origin(address: str | None) -> str:
    try:
        number = ip_address(address or "")
    except ValueError:
        return ""  # a socket file has none
    if not isinstance(number, IPv6Address) or number.ipv4_mapped:
        return str(number)
    return str(ip_network((number.packed, IPV6_NETWORK), strict=False))
