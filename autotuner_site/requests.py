"""Typed requests, for views behind the sign-in."""

from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

MAX_DIGITS = 15


def whole_number(text: str) -> int | None:
    """What an address or a form says; None where it is no number, or none that anything has."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
    return int(text) if is_number else None


class HtmxHttpRequest(HttpRequest):
    """Any request as it comes out of the middleware."""

    htmx: HtmxDetails


class SignedInRequest(HtmxHttpRequest):
    """A request that SignInMiddleware let through."""

    user: User


def client_address(request: HttpRequest) -> str | None:
    """Of the browser. Each proxy adds whom it heard to X-Forwarded-For, at the end: of PROXY_COUNT
    own proxies the one that many from the end was seen by the outermost, and cannot be made up."""
    direct = request.META.get("REMOTE_ADDR") or None  # a socket file has none
    count = settings.PROXY_COUNT
    heard = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    if count == 0 or len(heard) < count:
        return direct
    try:
        return str(ip_address(heard[-count]))
    except ValueError:
        return direct
