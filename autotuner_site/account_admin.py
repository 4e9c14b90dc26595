"""Accounts in the admin: an administrator makes them, gives each one role, and ends its sessions.

Groups are not shown: the three are the roles, and what they may do is not a setting. Nobody can
shut themselves out: one's own role stays, so there is always one administrator.
"""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from autotuner_site.roles import ROLES, SIGN, Role, give_role, role_of
from autotuner_site.sessions import end_sessions
from autotuner_site.sign_in_limits import release

if TYPE_CHECKING:
    AccountModelAdmin = UserAdmin[User]
    CreationForm = AdminUserCreationForm
    ChangeForm = UserChangeForm[User]
else:
    AccountModelAdmin, CreationForm, ChangeForm = UserAdmin, AdminUserCreationForm, UserChangeForm


def _role_field() -> forms.TypedChoiceField:
    choices = [(role.value, f"{role.word}: {role.may}") for role in ROLES]
    none = (Role.NONE.value, f"none: {Role.NONE.may}")
    return forms.TypedChoiceField(
        choices=[*choices, none],
        coerce=lambda value: Role(int(value)),
        initial=Role.VIEWER.value,
        widget=forms.RadioSelect,
    )


class AccountCreationForm(CreationForm):
    role = _role_field()


class AccountForm(ChangeForm):
    role = _role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.initial["role"] = role_of(self.instance).value


admin.site.unregister(Group)
admin.site.unregister(User)


@admin.action(description="End all sessions", permissions=["change"])
def sign_out(_: object, request: HttpRequest, users: QuerySet[User]) -> None:
    ended = sum(end_sessions(user) for user in users)
    messages.success(request, f"{ended} session{'' if ended == 1 else 's'} ended.")


@admin.action(
    description="Let sign in again after too many wrong passwords", permissions=["change"]
)
def let_sign_in(_: object, request: HttpRequest, users: QuerySet[User]) -> None:
    for user in users:
        release(user.get_username())
    messages.success(request, "They may try again now.")


@admin.register(User)
class AccountAdmin(AccountModelAdmin):
    form = AccountForm
    add_form = AccountCreationForm
    list_display = ("username", "shown_role", "is_active", "last_login", "email")
    list_filter = ("is_active", "groups")
    ordering = ("username",)
    actions = (sign_out, let_sign_in)
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("What they may do", {"fields": ("role", "is_active")}),
        ("Who they are", {"fields": ("first_name", "last_name", "email")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "role", "usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups", "user_permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        own = ("shown_role", "is_active") if obj == request.user else ()
        return (*self.readonly_fields, *own)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        if obj is None or obj != request.user:
            return sets
        own = {
            "fields": ("shown_role", "is_active"),
            "description": "Your own: another administrator's to change.",
        }
        is_role = "What they may do"
        return tuple((title, own if title == is_role else rest) for title, rest in sets)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None and obj == request.user:
            form.base_fields.pop("role", None)  # a declared field stays, whatever is excluded
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj != request.user and super().has_delete_permission(request, obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "role" in form.cleaned_data and (not change or "role" in form.changed_data):
            give_role(form.instance, cast(Role, form.cleaned_data["role"]))

    @admin.display(description="role")
    def shown_role(self, user: User) -> str:
        """As `role_of` has it, without a query for each."""
        names = {group.name for group in user.groups.all()}
        codes = {f"experiments_app.{one.codename}" for one in user.user_permissions.all()}
        if user.is_superuser or SIGN[Role.ADMIN] in codes:
            return Role.ADMIN.word
        return next((role.word for role in reversed(ROLES) if role.word in names), "none")
