import pytest
from django.test import Client

from autotuner_site.first_admin import create_first_admin
from tests.factories import make_task, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/", "/tasks/new", "/tasks/1/", "/tasks/1/log", "/experiments/1/", "/password/"]
)
def test_it_asks_for_a_sign_in_everywhere(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/sign-in/?next=/")


def test_it_signs_in_with_a_password(client: Client) -> None:
    make_user("ada")
    response = client.post("/sign-in/", {"username": "ada", "password": "not a secret"})
    assert response.headers["Location"] == "/"


def test_it_says_that_the_password_is_wrong(client: Client) -> None:
    make_user("ada")
    response = client.post("/sign-in/", {"username": "ada", "password": "guess"})
    assert b"correct username and password" in response.content


def test_it_reloads_the_page_of_a_poll_whose_session_is_over(client: Client) -> None:
    task = make_task()
    headers = {"HX-Request": "true"}
    response = client.get(f"/tasks/{task.pk}/", headers=headers, follow=True)
    assert response.headers["HX-Refresh"] == "true"


def test_it_signs_out_by_post_only(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"


def test_it_lets_the_first_admin_set_a_password(client: Client) -> None:
    admin = create_first_admin()
    assert admin is not None
    client.force_login(admin)
    password = "tune all the flags"
    client.post("/password/", {"new_password1": password, "new_password2": password})
    admin.refresh_from_db()
    assert admin.check_password(password)
    assert client.get("/").status_code == 200  # still signed in


def test_it_wants_the_old_password_for_a_new_one(client: Client) -> None:
    client.force_login(make_user())
    response = client.post("/password/", {"new_password1": "abc", "new_password2": "abc"})
    assert response.status_code == 422


def test_it_forbids_inline_scripts_and_styles(client: Client) -> None:
    policy = client.get("/sign-in/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_it_shows_its_own_page_for_what_is_not_there(client: Client) -> None:
    client.force_login(make_user())
    response = client.get("/tasks/99/")
    assert response.status_code == 404
    assert b"There is nothing here" in response.content
