"""Who calls: a token in the header, or the session of a browser. Each call says the least role.

A token counts as its user does now: one that was revoked, or whose account was deactivated or lost
its role, is refused by the next call.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from autotuner_site.access import SAFE_METHODS
from autotuner_site.models import ApiToken
from autotuner_site.requests import SignedInRequest
from autotuner_site.roles import Role, role_of
from autotuner_site.tokens import TokenRefused, find_token
from experiments_app.api.errors import NO_SIGN_IN, ApiError
from experiments_app.api.limits import count_call, not_signed_in


class ApiRequest(SignedInRequest):
    """A request that one of the two let through; `api_token` where it was a token."""

    api_token: ApiToken | None


class TokenAuth(HttpBearer):
    """A token that was made on the page /account/tokens."""

    def __init__(self, needed: Role) -> None:
        super().__init__()
        self.needed = needed

    @sensitive_variables("secret")
    def __call__(self, request: HttpRequest) -> Any:
        """A header that is there counts alone: a wrong token is not made good by a cookie."""
        if "Authorization" not in request.headers:
            return None
        scheme, _, secret = request.headers["Authorization"].strip().partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise not_signed_in(request, "The header must be `Authorization: Bearer TOKEN`.")
        return self.authenticate(request, secret.strip())

    @sensitive_variables("token", "found")
    def authenticate(self, request: HttpRequest, token: str) -> User:
        try:
            found = find_token(token)
        except TokenRefused as error:
            raise not_signed_in(request, str(error)) from error
        found.note_use()
        request.user = found.user
        cast(ApiRequest, request).api_token = found
        return allowed(request, self.needed)


class SessionAuth(APIKeyCookie):
    """The browser's session; what changes something wants the CSRF token besides."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self, needed: Role) -> None:
        super().__init__()
        self.needed = needed

    def __call__(self, request: HttpRequest) -> Any:
        if not request.user.is_authenticated:
            return None
        if request.method not in SAFE_METHODS and check_csrf(request) is not None:
            raise ApiError(
                403,
                "A browser's session needs the header X-CSRFToken here; a program signs in with a"
                " token instead.",
            )
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> User:
        cast(ApiRequest, request).api_token = None
        return allowed(request, self.needed)


def signed_in(needed: Role) -> Sequence[Callable[[HttpRequest], Any]]:
    return [TokenAuth(needed), SessionAuth(needed), _nobody]


def _nobody(request: HttpRequest) -> NoReturn:
    """Neither of the two, which are asked first."""
    raise not_signed_in(request, NO_SIGN_IN)


def allowed(request: HttpRequest, needed: Role) -> User:
    """Raises ApiError where the role is not enough, or the account calls too often."""
    user = cast(User, request.user)
    count_call(user)
    role = role_of(user)
    if role < needed:
        raise ApiError(
            403,
            f"This needs the role {needed.word}; {user.get_username()} has {role.word}. Ask an"
            " administrator.",
        )
    return user
