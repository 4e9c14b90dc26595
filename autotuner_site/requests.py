"""Typed requests, for views behind the sign-in."""

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
    """A request that LoginRequiredMiddleware let through."""

    user: User
