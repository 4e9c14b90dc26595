"""The first administrator of a fresh site, and the one-time link that signs them in.

The link is made for the person who can read the terminal of the site's own machine. Its token is
tied to the time of the last sign-in: the sign-in that it causes is what uses it up.
"""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

FIRST_ADMIN_NAME = "admin"


class SignInTokenGenerator(PasswordResetTokenGenerator):
    """Tokens that end with the next sign-in, a change of password, or PASSWORD_RESET_TIMEOUT.

    The salt keeps them apart from password-reset tokens: neither works as the other.
    """

    key_salt = "autotuner_site.first_admin.SignInTokenGenerator"


sign_in_tokens = SignInTokenGenerator()


def create_first_admin() -> User | None:
    """An administrator without a usable password; None where any user exists already."""
    with transaction.atomic():
        if get_user_model().objects.exists():
            return None
        # Without a password Django sets an unusable one: only the link opens the account.
        return get_user_model().objects.create_superuser(FIRST_ADMIN_NAME)


def admin_without_password() -> User | None:
    """An administrator who cannot sign in but by a link."""
    admins = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    return next((admin for admin in admins if not admin.has_usable_password()), None)


def sign_in_path(user: User) -> str:
    """The path of a link that signs `user` in, once."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("sign_in_by_link", args=[uid, sign_in_tokens.make_token(user)])


def redeem(uid: str, token: str) -> User | None:
    """The user of a valid link, which no longer works from now on; None for any other link.

    The guarded UPDATE lets one of two requests with the same link win.
    """
    user = _user_of(uid)
    if user is None or not sign_in_tokens.check_token(user, token):
        return None
    unused = get_user_model().objects.filter(pk=user.pk, is_active=True, last_login=user.last_login)
    return user if unused.update(last_login=timezone.now()) == 1 else None


def _user_of(uid: str) -> User | None:
    try:
        pk = int(force_str(urlsafe_base64_decode(uid)))
    except (ValueError, OverflowError):
        return None
    return get_user_model().objects.filter(pk=pk).first()
