"""Signing in and out, and passwords."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from autotuner_site.first_admin import redeem
from autotuner_site.requests import SignedInRequest
from autotuner_site.sessions import end_sessions

PASSWORDS = "django.contrib.auth.backends.ModelBackend"
"""Who a session says it was opened by; the link has no way of its own."""


class SignInForm(AuthenticationForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    template_name = "registration/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        """`came_from`: whether a page waits, as when a session has ended on it."""
        came_from = self.get_redirect_url() not in {"", "/"}
        return super().get_context_data(**kwargs) | {"came_from": came_from}

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if getattr(request, "htmx", None):
            # A page that polls was redirected here: its session is over, so the whole page goes.
            return HttpResponseClientRefresh()
        return super().dispatch(request, *args, **kwargs)


@login_not_required
@never_cache
@require_http_methods(["GET"])
def sign_in_by_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Sign in by the one-time link from the terminal.

    A GET changes state here because the link is opened from a terminal. The token is a secret
    that works once, so nobody can make another's browser repeat it; HEAD, which link previews
    send, is refused.
    """
    user = redeem(uid, token)
    if user is not None:
        login(request, user, backend=PASSWORDS)
    if request.user.is_authenticated:
        return redirect(_next_page(request))
    return render(request, "registration/link_used.html", status=410)


def _next_page(request: HttpRequest) -> str:
    """`?next=` where that is a page of this site, else the tasks."""
    wanted = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    return reverse(settings.LOGIN_REDIRECT_URL)


@require_POST
def sign_out_everywhere(request: SignedInRequest) -> HttpResponse:
    """On this device and every other one."""
    user = request.user
    logout(request)
    end_sessions(user)
    messages.success(request, "You are signed out on all devices.")
    return redirect(settings.LOGIN_URL)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: SignedInRequest) -> HttpResponse:
    """Change the password, or set the first one of an account that has none."""
    form = _password_form(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, "Your password is set; every other device is signed out.")
        return redirect(settings.LOGIN_REDIRECT_URL)
    status = 422 if form.is_bound else 200
    return render(request, "registration/password.html", {"form": form}, status=status)


def _password_form(user: User, data: Mapping[str, str] | None) -> "SetPasswordForm[User]":
    kind = PasswordChangeForm if user.has_usable_password() else SetPasswordForm
    form = kind(user, data)
    for field in form.fields.values():
        field.widget.attrs["class"] = "form-control"
    return form
