"""Typed requests, for views behind the sign-in."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxHttpRequest(HttpRequest):
    """Any request as it comes out of the middleware."""

    htmx: HtmxDetails


class SignedInRequest(HtmxHttpRequest):
    """A request that LoginRequiredMiddleware let through."""

    user: User
