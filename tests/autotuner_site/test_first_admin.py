import pytest
from django.contrib.auth.models import User
from django.test import Client

from autotuner_site.first_admin import (
    admin_without_password,
    create_first_admin,
    redeem,
    sign_in_path,
)
from autotuner_site.roles import Role
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def first_admin() -> User:
    admin = create_first_admin()
    assert admin is not None
    return admin


def test_it_creates_an_administrator_without_a_password() -> None:
    admin = first_admin()
    assert admin.is_superuser
    assert not admin.has_usable_password()


def test_it_creates_nobody_where_there_is_a_user() -> None:
    make_user(role=Role.OPERATOR)
    assert create_first_admin() is None
    assert User.objects.count() == 1


def test_it_signs_in_by_the_link(client: Client) -> None:
    admin = first_admin()
    response = client.get(sign_in_path(admin))
    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(admin.pk)


def test_it_leads_to_the_page_asked_for(client: Client) -> None:
    response = client.get(sign_in_path(first_admin()) + "?next=/tasks/7/")
    assert response.headers["Location"] == "/tasks/7/"


def test_it_never_leads_to_another_site(client: Client) -> None:
    response = client.get(sign_in_path(first_admin()) + "?next=https://evil.example/")
    assert response.headers["Location"] == "/"


def test_it_works_once(client: Client) -> None:
    path = sign_in_path(first_admin())
    client.get(path)
    other = Client()
    response = other.get(path)
    assert response.status_code == 410
    assert "_auth_user_id" not in other.session


def test_it_lets_one_of_two_requests_win() -> None:
    *_, uid, token, _ = sign_in_path(first_admin()).split("/")
    assert redeem(uid, token) is not None
    assert redeem(uid, token) is None


def test_it_leads_on_who_opens_a_used_link_signed_in(client: Client) -> None:
    path = sign_in_path(first_admin())
    client.get(path)
    assert client.get(path).status_code == 302


def test_it_refuses_head_requests_of_link_previews(client: Client) -> None:
    path = sign_in_path(first_admin())
    assert client.head(path).status_code == 405
    assert client.get(path).status_code == 302


def test_it_refuses_a_disabled_account(client: Client) -> None:
    admin = first_admin()
    path = sign_in_path(admin)
    User.objects.filter(pk=admin.pk).update(is_active=False)
    assert client.get(path).status_code == 410


@pytest.mark.parametrize("uid", ["MQ", "!!", "x" * 400, "4pyT"])
def test_it_refuses_a_made_up_link(client: Client, uid: str) -> None:
    first_admin()
    assert client.get(f"/sign-in/{uid}/abc-def/").status_code == 410


def test_an_administrator_without_a_password_is_found_until_one_is_set() -> None:
    admin = first_admin()
    assert admin_without_password() == admin
    admin.set_password("not a secret")
    admin.save()
    assert admin_without_password() is None
