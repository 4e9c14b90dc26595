from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks_app.models import Task, TaskVersion
from tests.factories import completed_task, edit, make_task, make_user, running_task
from tests.pages import messages_of, text_of

pytestmark = pytest.mark.django_db


def restore(browser: Client, task: Task, number: int, seen: int | str) -> Any:
    path = f"/tasks/{task.pk}/history/{number}/restore"
    return browser.post(path, {"version": str(seen)}, follow=True)


def test_it_says_who_changed_what(browser: Client) -> None:
    task = make_task(description="first")
    edit(task, user=make_user("bob"), description="second", slo={"ttft_p99_s": 0.5})
    text = text_of(browser.get(f"/tasks/{task.pk}/history"))
    assert "<strong>bob</strong> edited the task" in text
    assert "slo.ttft_p99_s" in text
    assert "was </span>first</del>" in text
    assert "now </span>second</ins>" in text


def test_it_says_who_started_and_cancelled_which_run(browser: Client) -> None:
    task = make_task()
    browser.post(f"/tasks/{task.pk}/start")
    browser.post(f"/tasks/{task.pk}/cancel")
    text = text_of(browser.get(f"/tasks/{task.pk}/history"))
    assert "<strong>ada</strong> started run 1" in text
    assert "<strong>ada</strong> cancelled run 1" in text


def test_it_says_how_each_run_came_out(browser: Client) -> None:
    task = completed_task((50.0, 75.0))
    text = text_of(browser.get(f"/tasks/{task.pk}/history"))
    assert "completed" in text
    assert "best 75.00 tokens/s" in text
    assert "+50.0%" in text


def test_the_newest_stands_first_and_older_ones_on_further_pages(browser: Client) -> None:
    task = make_task()
    for number in range(40):
        edit(task, description=f"text {number}")
    first = text_of(browser.get(f"/tasks/{task.pk}/history"))
    assert first.index("version 41") < first.index("version 40")
    assert "Page 1 of 2" in first
    assert "version 1<" in text_of(browser.get(f"/tasks/{task.pk}/history?page=2"))


def test_it_takes_as_many_queries_for_a_long_history(browser: Client) -> None:
    task = make_task()
    edit(task, description="once")
    path = f"/tasks/{task.pk}/history"
    browser.get(path)
    with CaptureQueriesContext(connection) as short:
        browser.get(path)
    for number in range(25):
        edit(task, description=f"text {number}")
    with CaptureQueriesContext(connection) as long:
        browser.get(path)
    assert len(long) == len(short)


def test_it_shows_no_secret(browser: Client) -> None:
    task = make_task(environment={"HF_TOKEN": "hidden-1"})
    edit(task, environment={"HF_TOKEN": "hidden-2"})
    for path in ("history", "history/1", "history/2"):
        page = browser.get(f"/tasks/{task.pk}/{path}").content.decode()
        assert "hidden-" not in page


def test_it_restores_a_version_as_a_new_one(browser: Client) -> None:
    task = make_task(description="first", task_name="old name")
    edit(task, description="second", task_name="new name")
    response = restore(browser, task, 1, seen=2)
    task.refresh_from_db()
    assert (task.description, task.name, task.version) == ("first", "old name", 3)
    kept = task.versions.get(number=3)
    assert kept.kind == TaskVersion.Kind.RESTORED
    assert kept.changed_by is not None
    assert messages_of(response) == ["The task is again as in version 1."]


def test_it_restores_nothing_over_a_change_that_was_not_seen(browser: Client) -> None:
    task = make_task(description="first")
    edit(task, description="second")
    edit(task, description="theirs")
    response = restore(browser, task, 1, seen=2)
    task.refresh_from_db()
    assert task.description == "theirs"
    assert "changed meanwhile" in messages_of(response)[0]


@pytest.mark.parametrize("seen", ["", "x", "9" * 30, "-1"])
def test_it_restores_nothing_without_the_version_that_was_seen(browser: Client, seen: str) -> None:
    task = make_task(description="first")
    edit(task, description="second")
    restore(browser, task, 1, seen=seen)
    assert task.versions.count() == 2


def test_restoring_what_is_there_makes_no_new_version(browser: Client) -> None:
    task = make_task(description="first")
    edit(task, description="second")
    edit(task, description="first")
    response = restore(browser, task, 1, seen=3)
    assert "Nothing was changed" in messages_of(response)[0]
    assert task.versions.count() == 3


def test_it_takes_no_name_that_another_task_has_by_now(browser: Client) -> None:
    task = make_task(task_name="mine")
    edit(task, task_name="renamed")
    make_task(task_name="mine")
    response = restore(browser, task, 1, seen=2)
    assert "another task is named 'mine'" in messages_of(response)[0]
    task.refresh_from_db()
    assert task.name == "renamed"


def test_it_restores_nothing_into_a_running_task(browser: Client) -> None:
    task = running_task(description="first")
    Task.objects.filter(pk=task.pk).update(description="second")
    page = text_of(browser.get(f"/tasks/{task.pk}/history/1"))
    assert "Restore this version" not in page
    response = restore(browser, task, 1, seen=1)
    assert "is running" in messages_of(response)[0]


def test_a_version_that_is_not_there_is_not_found(browser: Client) -> None:
    task = make_task()
    assert browser.get(f"/tasks/{task.pk}/history/7").status_code == 404
    assert browser.post(f"/tasks/{task.pk}/history/7/restore").status_code == 404


def test_it_tells_that_a_task_was_archived(browser: Client) -> None:
    task = completed_task((50.0,))
    task.archive()
    assert "archived the task" in text_of(browser.get(f"/tasks/{task.pk}/history"))


def test_it_tells_that_a_task_was_cancelled_before_it_ran(browser: Client) -> None:
    task = make_task()
    task.cancel()
    assert "cancelled the task before it ran" in text_of(browser.get(f"/tasks/{task.pk}/history"))
