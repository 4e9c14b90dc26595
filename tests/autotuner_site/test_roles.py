"""Roles: what gives one, what an upgrade does, and how an administrator hands them out."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from autotuner_site.roles import ROLES, Role, give_role, make_roles, role_of
from tests.factories import make_task, make_user
from tests.pages import text_of

pytestmark = pytest.mark.django_db


def fresh(user: User) -> User:
    """Without the permissions that were looked up before."""
    return User.objects.get(pk=user.pk)


def test_the_three_groups_are_there_after_a_migration() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {role.word for role in ROLES}


@pytest.mark.parametrize("role", Role)
def test_a_given_role_is_the_one_that_counts(role: Role) -> None:
    assert role_of(fresh(make_user(role=role))) == role


def test_a_superuser_is_an_administrator() -> None:
    assert role_of(make_user()) == Role.ADMIN


def test_a_deactivated_account_has_no_role() -> None:
    user = make_user()
    user.is_active = False
    assert role_of(user) == Role.NONE


def test_another_role_takes_back_what_was_given_besides() -> None:
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="change_sitesetting"))
    give_role(user, Role.VIEWER)
    user = fresh(user)
    assert role_of(user) == Role.VIEWER
    assert not user.is_staff
    assert not user.is_superuser


def test_what_was_taken_from_a_role_by_hand_is_back_after_a_migration() -> None:
    Group.objects.get(name="operator").permissions.clear()
    make_roles()
    assert role_of(fresh(make_user(role=Role.OPERATOR))) == Role.OPERATOR


def test_viewers_have_no_permission_to_change_anything() -> None:
    codes = Group.objects.get(name="viewer").permissions.values_list("codename", flat=True)
    assert codes
    assert all(code.startswith("view_") for code in codes)


# Accounts from before


@pytest.mark.parametrize(
    ("is_staff", "is_superuser", "role"),
    [(False, False, Role.OPERATOR), (True, False, Role.ADMIN), (True, True, Role.ADMIN)],
)
def test_an_upgrade_takes_nothing_away(is_staff: bool, is_superuser: bool, role: Role) -> None:
    user = User.objects.create(username="old", is_staff=is_staff, is_superuser=is_superuser)
    import_module("autotuner_site.migrations.0001_roles").give_roles(apps, None)
    assert role_of(fresh(user)) == role


def test_an_upgrade_gives_the_staff_no_accounts_to_change() -> None:
    user = User.objects.create(username="old", is_staff=True)
    import_module("autotuner_site.migrations.0001_roles").give_roles(apps, None)
    assert not fresh(user).has_perm("auth.change_user")


def test_createsuperuser_makes_an_administrator() -> None:
    call_command("createsuperuser", username="root", email="", interactive=False, verbosity=0)
    assert role_of(User.objects.get(username="root")) == Role.ADMIN


# In the admin


def new_account(browser: Client, **changes: Any) -> Any:
    sent = {
        "username": "grace", "role": "1", "usable_password": "true",
        "password1": "correct horse battery", "password2": "correct horse battery",
    }  # fmt: skip
    return browser.post("/admin/auth/user/add/", sent | changes)


@pytest.mark.parametrize("role", Role)
def test_an_administrator_makes_an_account_with_a_role(browser: Client, role: Role) -> None:
    assert new_account(browser, role=str(role.value)).status_code == 302
    user = User.objects.get(username="grace")
    assert role_of(user) == role
    assert user.is_staff == (role is Role.ADMIN)


def test_an_administrator_changes_a_role(browser: Client) -> None:
    user = make_user("grace", role=Role.VIEWER)
    path = f"/admin/auth/user/{user.pk}/change/"
    sent = {"username": "grace", "role": "2", "is_active": "on"}
    assert browser.post(path, sent).status_code == 302
    assert role_of(fresh(user)) == Role.OPERATOR


def test_a_form_that_leaves_the_role_alone_leaves_what_was_given_besides(browser: Client) -> None:
    user = make_user("grace", role=Role.OPERATOR)
    user.user_permissions.add(Permission.objects.get(codename="change_sitesetting"))
    sent = {"username": "grace", "role": "3", "is_active": "on", "first_name": "Grace"}
    browser.post(f"/admin/auth/user/{user.pk}/change/", sent)
    assert fresh(user).first_name == "Grace"
    assert fresh(user).user_permissions.exists()


def test_nobody_takes_the_last_administrator_away(browser: Client) -> None:
    own = User.objects.get()
    path = f"/admin/auth/user/{own.pk}/change/"
    browser.post(path, {"username": own.username, "role": "1"})
    assert browser.post(f"/admin/auth/user/{own.pk}/delete/", {"post": "yes"}).status_code == 403
    sent = {"action": "delete_selected", "_selected_action": own.pk, "post": "yes"}
    browser.post("/admin/auth/user/", sent)
    assert role_of(User.objects.get()) == Role.ADMIN
    assert User.objects.get().is_active


def test_the_list_shows_each_role_without_a_query_for_each(
    browser: Client, django_assert_max_num_queries: Any
) -> None:
    for role in Role:
        make_user(role.word, role=role)
    browser.get("/admin/auth/user/")
    with django_assert_max_num_queries(11):
        page = text_of(browser.get("/admin/auth/user/"))
    for role in Role:
        assert f'<td class="field-shown_role">{role.word}</td>' in page


# On the site


def test_who_lacks_the_role_is_told_which_and_who_gives_it(client: Client) -> None:
    client.force_login(make_user("vic", role=Role.VIEWER))
    page = text_of(client.get("/tasks/new"))
    assert "This needs the role operator" in page
    assert "signed in as <strong>vic</strong>, with the role viewer" in page
    assert "Ask an administrator" in page


def test_an_account_without_a_role_reads_the_help_and_no_more(client: Client) -> None:
    client.force_login(make_user(role=Role.NONE))
    assert client.get("/help/").status_code == 200
    page = text_of(client.get("/"))
    assert "an account without a role" in page
    assert "Sign out" in page
    assert "To the tasks" not in page  # which is where it comes from


def test_a_role_that_was_taken_away_counts_at_once(client: Client) -> None:
    user = make_user(role=Role.OPERATOR)
    client.force_login(user)
    task = make_task()
    give_role(user, Role.VIEWER)
    assert client.post(f"/tasks/{task.pk}/archive").status_code == 403
    task.refresh_from_db()
    assert task.archived_at is None
