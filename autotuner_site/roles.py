"""What an account may do: a role is one of three groups, each with Django's own permissions.

A role is read from the permissions and not from the group's name, so a superuser is an
administrator, and what a single account was given besides counts too. A deactivated account has
none.
"""

from enum import IntEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission, User
from django.db import transaction


class Role(IntEnum):
    """In order: each may do what those before it may."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def may(self) -> str:
        """What it is for, in words."""
        return _MAY[self]


_MAY = {
    Role.NONE: "may sign in and read the help, and nothing else",
    Role.VIEWER: "looks at tasks, results, charts and logs, and exports them",
    Role.OPERATOR: "also creates, edits, starts, stops and deletes tasks and presets",
    Role.ADMIN: "also changes the site's settings, this machine's containers, and accounts",
}
ROLES = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
SIGN = {
    Role.ADMIN: "experiments_app.change_sitesetting",
    Role.OPERATOR: "tasks_app.change_task",
    Role.VIEWER: "tasks_app.view_task",
}
"""The permission by which each is known."""
_APPS = ("tasks_app", "experiments_app")
_NOT_AN_OPERATORS = (
    *("auditentry", "resourcelease", "sitesetting"),
    *("channel", "delivery", "taskfollow"),  # each account has its own, by its pages
)


def role_of(user: AbstractBaseUser | AnonymousUser) -> Role:
    has_perm = getattr(user, "has_perm", None)
    if has_perm is None:
        return Role.NONE
    return next((role for role, sign in SIGN.items() if has_perm(sign)), Role.NONE)


def give_role(user: User, role: Role) -> None:
    """This role and no other: what was given besides is taken back."""
    with transaction.atomic():
        user.groups.set(Group.objects.filter(name=role.word) if role else [])
        user.user_permissions.set([])
        user.is_staff = role is Role.ADMIN
        user.is_superuser = user.is_superuser and role is Role.ADMIN
        user.save(update_fields=["is_staff", "is_superuser"])


def make_roles(**_: object) -> None:
    """The groups as they are to be, after every migration: a new table may have come.

    In bulk, which sends no signals: what a program sets up is nobody's act.
    """
    there = set(Group.objects.values_list("name", flat=True))
    Group.objects.bulk_create(Group(name=r.word) for r in ROLES if r.word not in there)
    links = Group.permissions.through._default_manager
    for role in ROLES:
        group = Group.objects.get(name=role.word)
        wanted = {permission.pk for permission in _permissions(role)}
        links.filter(group_id=group.pk).exclude(permission_id__in=wanted).delete()
        kept = set(links.filter(group_id=group.pk).values_list("permission_id", flat=True))
        links.bulk_create(
            links.model(group_id=group.pk, permission_id=pk) for pk in sorted(wanted - kept)
        )


def _permissions(role: Role) -> list[Permission]:
    every = Permission.objects.select_related("content_type")
    if role is Role.ADMIN:
        return list(every)
    own = every.filter(content_type__app_label__in=_APPS)
    own = own.exclude(content_type__model__in=_NOT_AN_OPERATORS)
    return list(own.filter(codename__startswith="view_") if role is Role.VIEWER else own)
