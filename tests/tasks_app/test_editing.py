"""The full replacement of a task, where somebody else is at it too."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tasks_app.models import Task, TaskVersion
from tests.factories import completed_task, edit, make_task, running_task
from tests.pages import text_of
from tests.tasks_app.typed_forms import typed

pytestmark = pytest.mark.django_db
METHODS = pytest.mark.parametrize("method", ["POST", "PUT"])


def send(browser: Client, pk: int, method: str = "PUT", **changes: str) -> Any:
    return browser.generic(
        method,
        f"/tasks/{pk}/edit",
        urlencode(typed(action="save", **changes)),
        content_type="application/x-www-form-urlencoded",
    )


def theirs(task: Task, description: str) -> None:
    edit(Task.objects.get(pk=task.pk), description=description)


def test_the_name_may_stay_and_may_change(browser: Client) -> None:
    task = make_task(task_name="mine")
    send(browser, task.pk, version="1", task_name="mine", seed="3")
    send(browser, task.pk, version="2", task_name="other", seed="3")
    task.refresh_from_db()
    assert (task.name, task.version) == ("other", 3)


@METHODS
def test_the_name_of_another_task_is_refused_at_its_field(browser: Client, method: str) -> None:
    make_task(task_name="taken")
    task = make_task(task_name="mine")
    response = send(browser, task.pk, method, version="1", task_name="taken")
    assert response.status_code == 422
    assert "task_name" in response.context["form"].errors
    task.refresh_from_db()
    assert (task.name, task.version) == ("mine", 1)


def test_status_times_and_runs_stay(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    before = (task.status, task.started_at, task.completed_at, task.created_at, task.run)
    send(browser, task.pk, version="1", seed="9")
    task.refresh_from_db()
    after = (task.status, task.started_at, task.completed_at, task.created_at, task.run)
    assert after == before
    assert task.experiments.count() == 2
    assert task.runs.get().task_spec.optimization.seed == 0


@METHODS
def test_a_running_task_is_not_edited_and_what_was_typed_stays(
    browser: Client, method: str
) -> None:
    task = running_task()
    response = send(browser, task.pk, method, version="1", description="typed while it ran")
    assert response.status_code == 422
    text = text_of(response)
    assert "The task is running, and cannot be edited meanwhile" in text
    assert "typed while it ran" in text
    task.refresh_from_db()
    assert task.version == 1


@METHODS
def test_a_second_conflict_is_shown_like_the_first(browser: Client, method: str) -> None:
    task = make_task()
    theirs(task, "first of theirs")
    assert send(browser, task.pk, method, version="1", description="mine").status_code == 409
    theirs(task, "second of theirs")
    again = send(browser, task.pk, method, version="2", description="mine")
    assert again.status_code == 409
    text = text_of(again)
    assert "- description: second of theirs" in text
    assert "+ description: mine" in text
    assert 'name="version" value="3"' in text
    task.refresh_from_db()
    assert task.description == "second of theirs"
    send(browser, task.pk, method, version="3", description="mine")
    task.refresh_from_db()
    assert (task.description, task.version) == ("mine", 4)


def test_every_text_of_a_settled_conflict_is_kept(browser: Client) -> None:
    task = make_task(description="at first")
    theirs(task, "theirs")
    send(browser, task.pk, version="2", description="mine")
    kept = [version.spec["description"] for version in task.versions.all()]
    assert kept == ["at first", "theirs", "mine"]


@METHODS
def test_saving_without_a_change_keeps_no_version(browser: Client, method: str) -> None:
    task = make_task()
    send(browser, task.pk, method, version="1")
    assert TaskVersion.objects.filter(task=task).count() == 2
    response = send(browser, task.pk, method, version="2")
    messages = browser.get(response.headers["Location"]).context["messages"]
    assert "Nothing was changed." in [str(message) for message in messages]
    assert TaskVersion.objects.filter(task=task).count() == 2


@METHODS
def test_what_was_typed_outlives_the_task(browser: Client, method: str) -> None:
    task = make_task()
    gone = task.pk
    task.delete()
    response = send(browser, gone, method, version="1", description="typed for long")
    assert response.status_code == 422
    text = text_of(response)
    assert "The task was deleted meanwhile" in text
    assert "typed for long" in text
    assert 'action="/tasks/new"' in text
    assert not Task.objects.exists()


def test_a_form_of_a_task_that_is_gone_is_not_found(browser: Client) -> None:
    assert browser.get("/tasks/9999/edit").status_code == 404
