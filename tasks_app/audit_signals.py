"""What Django and its admin do by themselves, for the audit.

Accounts are changed by Django's own commands and forms too, and labels and presets by the admin:
only their signals hear of all of it.
"""

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save

from autotuner_site import tokens
from autotuner_site.models import ApiToken
from autotuner_site.sign_in_limits import released
from tasks_app.audit import record
from tasks_app.models import Dataset, Label, PastResults, Preset

KINDS: dict[type[Model], str] = {
    User: "account",
    Group: "role",
    Label: "label",
    Preset: "preset",
    PastResults: "results",
    Dataset: "dataset",
}
ACCOUNT_FIELDS = ("username", "email", "password", "is_active", "is_staff", "is_superuser")
_BEFORE = "_audited_before"


def connect() -> None:
    for model in KINDS:
        post_save.connect(_saved, sender=model, dispatch_uid=f"audit {model.__name__}")
        post_delete.connect(_deleted, sender=model, dispatch_uid=f"audit {model.__name__}")
    pre_save.connect(_about_to_save, sender=User, dispatch_uid="audit")
    for relation in (User.groups, User.user_permissions, Group.permissions):
        m2m_changed.connect(_permitted, sender=relation.through, dispatch_uid="audit")
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_refused, dispatch_uid="audit")
    released.connect(_released, dispatch_uid="audit")
    tokens.made.connect(_token_made, dispatch_uid="audit")
    tokens.revoked.connect(_token_revoked, dispatch_uid="audit")


def _about_to_save(instance: User, **_: Any) -> None:
    before = User.objects.filter(pk=instance.pk).values(*ACCOUNT_FIELDS).first()
    setattr(instance, _BEFORE, before or {})


def _saved(sender: type[Model], instance: Model, created: bool, **more: Any) -> None:
    kind = KINDS[sender]
    if created:
        record(f"{kind}.created", instance)
        return
    if not isinstance(instance, User):
        record(f"{kind}.changed", instance)
        return
    before = getattr(instance, _BEFORE, {})
    written = more.get("update_fields") or ACCOUNT_FIELDS
    fields = [f for f in ACCOUNT_FIELDS if f in written and before.get(f) != getattr(instance, f)]
    if fields:
        record("account.changed", instance, fields=fields)


def _deleted(sender: type[Model], instance: Model, **_: Any) -> None:
    record(f"{KINDS[sender]}.deleted", instance)


def _permitted(
    instance: Model, action: str, model: type[Model], pk_set: set[int] | None, **_: Any
) -> None:
    verb = {"post_add": "given", "post_remove": "taken", "post_clear": "cleared"}.get(action)
    if verb is None or type(instance) not in KINDS or (pk_set is not None and not pk_set):
        return
    names = sorted(map(str, model._default_manager.filter(pk__in=pk_set or ())))
    kind = KINDS[type(instance)]
    record(f"{kind}.rights_{verb}", instance, rights=names)


def _signed_in(user: User, **_: Any) -> None:
    record("account.signed_in", user, user=user)


def _signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record("account.signed_out", user, user=user)


def _refused(credentials: dict[str, Any], **_: Any) -> None:
    """The name is kept where there is such an account: else it is perhaps a password, typed into
    the wrong field."""
    name = str(credentials.get("username", ""))
    user = User.objects.filter(username=name).first()
    record("account.sign_in_failed", user or "", name=name if user else "no such account")


def _released(username: str, **_: Any) -> None:
    user = User.objects.filter(username=username).first()
    record("account.released", user or "", name=username)


def _token_made(token: ApiToken, **_: Any) -> None:
    lasts = token.expires_at.isoformat() if token.expires_at else "until it is revoked"
    record("account.token_made", token, owner=token.user.get_username(), lasts=lasts)


def _token_revoked(token: ApiToken, **_: Any) -> None:
    record("account.token_revoked", token, owner=token.user.get_username())
