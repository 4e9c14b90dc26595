"""The page of one's API tokens; an administrator sees those of all."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from autotuner_site.models import ApiToken
from autotuner_site.requests import SignedInRequest
from autotuner_site.roles import Role, role_of
from autotuner_site.tokens import NewToken, TokenRefused, make_token, revoke_token

LASTS_DAYS = (
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "a year"),
    ("", "until it is revoked"),
)
MOST_SHOWN = 500


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        help_text="What uses it: a pipeline, a notebook.",
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    lasts = forms.TypedChoiceField(
        required=False,
        choices=LASTS_DAYS,
        coerce=int,
        empty_value=None,
        initial="90",
        label="It counts for",
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def make(self, request: SignedInRequest) -> NewToken | None:
        """None where it was refused: the form says why."""
        days = self.cleaned_data["lasts"]
        expires_at = timezone.now() + timedelta(days=days) if days else None
        try:
            return make_token(request.user, self.cleaned_data["name"], expires_at)
        except TokenRefused as error:
            self.add_error("name", str(error))
            return None


@never_cache
@sensitive_variables("new")
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: SignedInRequest) -> HttpResponse:
    """A new one is shown in the answer to its making, and nowhere else."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    new = form.make(request) if form.is_valid() else None
    status = 422 if form.is_bound and new is None else 200
    context: dict[str, Any] = {
        "form": TokenForm() if new else form,
        "new": new,
        "tokens": _visible(request)[:MOST_SHOWN],
        "sees_all": _sees_all(request),
    }
    return render(request, "registration/tokens.html", context, status=status)


@require_POST
def token_revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    token = _visible(request).filter(pk=pk).first()
    if token is None:
        messages.error(request, "You have no such token.")
    elif revoke_token(token):
        messages.success(request, f"The token {token.name!r} is revoked: it counts no longer.")
    else:
        messages.info(request, f"The token {token.name!r} was revoked already.")
    return redirect("tokens")


def _sees_all(request: SignedInRequest) -> bool:
    return role_of(request.user) >= Role.ADMIN


def _visible(request: SignedInRequest) -> QuerySet[ApiToken]:
    found = ApiToken.objects.select_related("user")
    return found if _sees_all(request) else found.filter(user=request.user)
