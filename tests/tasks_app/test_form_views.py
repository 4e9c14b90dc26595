"""Creating tasks and editing them in the browser."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tasks_app.models import Task
from tests.factories import make_task, running_task
from tests.pages import HTMX, messages_of, text_of
from tests.tasks_app.typed_forms import typed

pytestmark = pytest.mark.django_db


# Creating and editing


def test_it_shows_an_empty_form(browser: Client) -> None:
    text = text_of(browser.get("/tasks/new"))
    assert 'value="D(100,100)"' in text
    assert "In a container" in text


def test_it_saves_a_new_task(browser: Client) -> None:
    response = browser.post("/tasks/new", typed(action="save"))
    task = Task.objects.get()
    assert response.headers["Location"] == f"/tasks/{task.pk}/"
    assert task.status == Task.Status.PENDING
    assert task.created_by is not None


def test_it_says_at_once_which_volumes_this_site_refuses(browser: Client, tmp_path: Path) -> None:
    data = typed(action="save", deployment_mode="docker", volumes=f"{tmp_path}:/a")
    browser.post("/tasks/new", data)
    told = messages_of(browser.get("/"))
    assert any("container.volumes[0]: this site lets tasks mount nothing" in text for text in told)


def test_it_sends_no_secret_to_the_browser(browser: Client) -> None:
    access = {"hub_token": "hf_hidden-1", "http_proxy": "http://u:hidden-2@proxy"}
    task = make_task(access=access, environment={"API_KEY": "hidden-3"})
    browser.post(f"/tasks/{task.pk}/duplicate")
    copy = Task.objects.exclude(pk=task.pk).get()
    assert copy.access == task.access
    wrong = typed(action="save", hub_token="hf_hidden-4", seed="x")
    paths = ["/"]
    for pk in (task.pk, copy.pk):
        paths += [f"/tasks/{pk}/", f"/tasks/{pk}/edit", f"/tasks/{pk}/edit?view=yaml"]
    pages = [browser.post("/tasks/new", wrong), *map(browser.get, paths)]
    assert not any("hidden-" in page.content.decode() for page in pages)
    assert "Put it in again" in text_of(pages[0])


def test_it_settles_a_conflict_without_losing_a_new_token(browser: Client) -> None:
    task = make_task(access={"hub_token": "hf_hidden-1"})
    changed = task.spec.model_copy(update={"description": "theirs"})
    Task.objects.get(pk=task.pk).replace_spec(changed, version=1)
    data = typed(action="save", version="1", hub_token="hf_hidden-2")
    page = browser.post(f"/tasks/{task.pk}/edit", data)
    assert page.status_code == 409
    assert "hidden-" not in text_of(page)
    assert "Put it in again" in text_of(page)


def test_it_saves_and_starts(browser: Client) -> None:
    browser.post("/tasks/new", typed(action="save_and_start"))
    assert Task.objects.get().status == Task.Status.RUNNING


def test_it_saves_what_it_cannot_start_and_says_so(browser: Client) -> None:
    data = typed(action="save_and_start", deployment_mode="docker", runtime_image="a/b:c")
    response = browser.post("/tasks/new", data, follow=True)
    assert Task.objects.get().status == Task.Status.PENDING
    assert any("docker" in message for message in messages_of(response))


def test_it_shows_errors_at_their_fields(browser: Client) -> None:
    response = browser.post("/tasks/new", typed(parameters={"treads": [1]}))
    assert response.status_code == 422
    text = text_of(response)
    assert 'aria-invalid="true"' in text
    assert "did you mean &#x27;threads&#x27;" in text
    assert 'value="treads"' in text
    assert not Task.objects.exists()


def edit(browser: Client, task: Task, method: str, **changes: Any) -> Any:
    send = browser.post if method == "POST" else browser.put
    return send(
        f"/tasks/{task.pk}/edit",
        urlencode(typed(**changes)),
        content_type="application/x-www-form-urlencoded",
    )


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_it_replaces_a_task(browser: Client, method: str) -> None:
    task = make_task(description="old")
    response = edit(browser, task, method, version="1", seed="7")
    assert response.headers["Location"] == f"/tasks/{task.pk}/"
    task.refresh_from_db()
    assert (task.name, task.description, task.version) == ("mine", "", 2)
    assert task.optimization["seed"] == 7


def test_it_leads_htmx_to_the_saved_task(browser: Client) -> None:
    task = make_task()
    response = browser.put(
        f"/tasks/{task.pk}/edit",
        urlencode(typed(version="1")),
        content_type="application/x-www-form-urlencoded",
        headers=HTMX,
    )
    assert response.headers["HX-Redirect"] == f"/tasks/{task.pk}/"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_it_refuses_an_edit_of_an_old_version(browser: Client, method: str) -> None:
    task = make_task()
    edit(browser, task, method, version="1", description="first")
    response = edit(browser, task, method, version="1", description="second")
    assert response.status_code == 409
    text = text_of(response)
    assert "- description: first" in text
    assert "+ description: second" in text
    assert 'name="version" value="2"' in text
    task.refresh_from_db()
    assert task.description == "first"


def test_it_refuses_an_edit_without_a_version(browser: Client) -> None:
    task = make_task()
    assert edit(browser, task, "PUT").status_code == 409


def test_it_makes_no_new_version_without_a_change(browser: Client) -> None:
    task = make_task()
    edit(browser, task, "PUT", version="1")
    response = edit(browser, task, "POST", version="2")
    follow = browser.get(response.headers["Location"])
    assert "Nothing was changed." in messages_of(follow)
    task.refresh_from_db()
    assert task.version == 2


def test_it_keeps_a_name_from_a_second_task(browser: Client) -> None:
    make_task(task_name="mine")
    other = make_task()
    response = edit(browser, other, "PUT", version="1")
    assert response.status_code == 422
    assert "there is a task" in text_of(response)


def test_it_never_edits_a_running_task(browser: Client) -> None:
    task = running_task()
    response = browser.get(f"/tasks/{task.pk}/edit", follow=True)
    assert "A running task cannot be edited" in messages_of(response)[0]
    assert edit(browser, task, "PUT", version="1").status_code == 422
    task.refresh_from_db()
    assert task.name != "mine"


def test_it_turns_the_form_into_yaml(browser: Client) -> None:
    response = browser.post("/tasks/new", typed(action="as_yaml"))
    assert response.status_code == 200
    assert "traffic_scenarios: [" in text_of(response)
    assert not Task.objects.exists()
