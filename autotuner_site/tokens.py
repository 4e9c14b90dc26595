"""Making, finding and revoking the secrets that programs sign in with.

A secret is 32 random bytes, so that a plain hash of it keeps it: nobody tries them all, and a
request costs one look-up by an index.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.dispatch import Signal
from django.utils import timezone

from autotuner_site.models import ApiToken
from autotuner_site.secret_marks import API_TOKEN

SHOWN_CHARACTERS = 10
MAX_TOKENS = 50
"""That one account may have in use."""

made = Signal()
revoked = Signal()
"""Both with `token`: whoever keeps the audit listens."""


class TokenRefused(Exception):
    """The message says why no token was made, or why this one does not count."""


@dataclass(frozen=True)
class NewToken:
    """`secret` is nowhere else, and cannot be shown again."""

    token: ApiToken
    secret: str


def make_token(user: User, name: str, expires_at: datetime | None = None) -> NewToken:
    """Raises TokenRefused where the user has one of this name, or too many."""
    in_use = ApiToken.objects.filter(user=user, revoked_at=None)
    if in_use.count() >= MAX_TOKENS:
        raise TokenRefused(f"You have {MAX_TOKENS} tokens. Revoke one that nobody needs.")
    secret = API_TOKEN + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name,
        prefix=secret[:SHOWN_CHARACTERS],
        secret_sha256=_hash(secret),
        expires_at=expires_at,
    )
    try:
        with transaction.atomic():
            token.save(force_insert=True)
            made.send(ApiToken, token=token)
    except IntegrityError as error:
        raise TokenRefused(f"You have a token {name!r} already. Choose another name.") from error
    return NewToken(token, secret)


def find_token(secret: str) -> ApiToken:
    """The usable token of this secret, its user with it. Raises TokenRefused."""
    token = ApiToken.objects.filter(secret_sha256=_hash(secret)).select_related("user").first()
    if token is None:
        raise TokenRefused("The token is not known here.")
    if not token.is_usable:
        raise TokenRefused(f"The token {token.name!r} is {token.state}.")
    if not token.user.is_active:
        raise TokenRefused("The account of this token is deactivated.")
    return token


def revoke_token(token: ApiToken) -> bool:
    """End it for good; whether it still counted."""
    with transaction.atomic():
        still = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not still.update(revoked_at=timezone.now()):
            return False
        revoked.send(ApiToken, token=token)
    return True


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
