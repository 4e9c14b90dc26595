"""Writes the audit: `record` stands beside each act, in its transaction.

Who acts is known from the request under way, or from the command; whoever calls `record` says it
only where that is somebody else.
"""

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from autotuner_site.requests import client_address
from tasks_app.models.audit import AuditEntry

SITE = "the site itself"
SERVICES = frozenset({"run_consumer", "serve"})
"""Commands under which the site does its work: what they do, nobody does."""


@dataclass(frozen=True)
class Actor:
    who: str
    origin: str


_request: ContextVar[HttpRequest | None] = ContextVar("audit_request", default=None)


class AuditMiddleware:
    """Lets `record` know who asks. Behind the middleware that signs in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting_for(request):
            return self.get_response(request)


@contextmanager
def acting_for(request: HttpRequest) -> Iterator[None]:
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def record(
    action: str,
    about: Model | str = "",
    *,
    name: str = "",
    user: AbstractBaseUser | None = None,
    **details: Any,
) -> None:
    """Write that `action` was done to `about`, a row or the name of something that is none.

    Secrets do not belong into `details`: which field was changed, not to what.
    """
    actor = _actor()
    AuditEntry.objects.create(
        who=(user.get_username() if user else actor.who)[:200],
        origin=actor.origin[:200],
        action=action,
        object_id=str(about.pk) if isinstance(about, Model) else "",
        object_name=(name or str(about))[:300],
        details={key: value for key, value in details.items() if value not in (None, "", [])},
    )


def _actor() -> Actor:
    request = _request.get()
    return _by_command() if request is None else Actor(_user_of(request), _origin_of(request))


def _user_of(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return str(user.get_username()) if user is not None and user.is_authenticated else ""


def _origin_of(request: HttpRequest) -> str:
    """The address, and with which token of the API."""
    token = getattr(request, "api_token", None)
    address = address_of(request)
    return f"{address}, token {token.prefix}…" if token is not None else address


def address_of(request: HttpRequest) -> str:
    return client_address(request) or ""


def _by_command() -> Actor:
    program, *words = sys.argv or [""]
    if Path(program).name != "manage.py" or not words or words[0] in SERVICES:
        return Actor("", SITE)
    return Actor(_system_user(), f"manage.py {words[0]}")


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an id without a name
        return ""
