"""How many wrong passwords are allowed.

django-axes counts in the database, so all processes of the site count together: after
`AXES_FAILURE_LIMIT` wrong passwords for one name from one address that pair is refused for
`AXES_COOLOFF_TIME`, the right password too. Others with that name, and other names from there, are
not. Signing in by the one-time link is not a password and goes on.
"""

from axes.utils import reset
from django.conf import settings
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

released = Signal()
"""Sent with the `username` that may sign in again."""


def locked_out(
    request: HttpRequest, original_response: object = None, credentials: object = None
) -> HttpResponse:
    minutes = round(settings.AXES_COOLOFF_TIME.total_seconds() / 60)
    context = {"minutes": minutes, "limit": settings.AXES_FAILURE_LIMIT}
    response = render(request, "registration/locked_out.html", context, status=429)
    response["Retry-After"] = str(minutes * 60)
    return response


def release(username: str) -> None:
    """Let an account sign in again before its time."""
    reset(username=username)
    released.send(sender=None, username=username)
