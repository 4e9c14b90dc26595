import pytest
from django.apps import apps
from django.test import Client

from tests.factories import completed_task, make_task, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client) -> Client:
    """A client signed in as an administrator."""
    client.force_login(make_user())
    return client


def first_of(app: str, model: str) -> int:
    row = apps.get_model(app, model)._default_manager.first()
    assert row is not None
    return int(row.pk)


MODELS = [("tasks_app", "task"), ("tasks_app", "run"), ("experiments_app", "experiment"),
          ("experiments_app", "measurement")]  # fmt: skip


@pytest.mark.parametrize(("app", "model"), MODELS)
def test_it_lists_searches_and_shows(browser: Client, app: str, model: str) -> None:
    completed_task((50.0,))
    path = f"/admin/{app}/{model}/"
    assert browser.get(path).status_code == 200
    assert browser.get(path + "?q=smollm2").status_code == 200
    assert browser.get(f"{path}{first_of(app, model)}/change/").status_code == 200


@pytest.mark.parametrize(("app", "model"), MODELS)
def test_it_changes_nothing(browser: Client, app: str, model: str) -> None:
    completed_task((50.0,))
    path = f"/admin/{app}/{model}/"
    assert browser.get(path + "add/").status_code == 403
    row = f"{path}{first_of(app, model)}/"
    assert browser.post(row + "change/", {"status": "running"}).status_code == 403
    assert browser.post(row + "delete/", {"post": "yes"}).status_code == 403


def test_it_masks_secrets(browser: Client) -> None:
    task = make_task(
        environment={"HF_TOKEN": "hf_hidden-1"},
        access={"hub_token": "hf_hidden-2", "http_proxy": "http://u:hidden-3@proxy"},
    )
    task.start()
    for row in (f"task/{task.pk}", f"run/{task.runs.get().pk}"):
        content = browser.get(f"/admin/tasks_app/{row}/change/").content
        assert b"HF_TOKEN" in content
        assert b"http_proxy" in content
        assert b"hidden-" not in content


def test_it_is_for_staff(client: Client) -> None:
    client.force_login(make_user(staff=False))
    assert client.get("/admin/tasks_app/task/").status_code == 302
