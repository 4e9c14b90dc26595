"""Changing name, description and labels in passing."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tasks_app.labels import set_labels
from tasks_app.models import Label, Task, TaskVersion
from tests.factories import edit, make_task, running_task
from tests.pages import HTMX, messages_of, text_of

pytestmark = pytest.mark.django_db


def patch(browser: Client, task: Task, **fields: str) -> Any:
    return browser.patch(
        f"/tasks/{task.pk}/details",
        urlencode({"version": task.version} | fields),
        content_type="application/x-www-form-urlencoded",
    )


def post(browser: Client, task: Task, **fields: str) -> Any:
    return browser.post(f"/tasks/{task.pk}/details", {"version": task.version} | fields)


def labels_of(task: Task) -> list[str]:
    return [label.name for label in task.labels.all()]


def test_it_shows_what_is_there(browser: Client) -> None:
    task = make_task(task_name="mine", description="why")
    set_labels(task, ["a", "b"])
    text = text_of(browser.get(f"/tasks/{task.pk}/details"))
    assert 'value="mine"' in text
    assert "why</textarea>" in text
    assert 'value="a, b"' in text


def test_it_changes_what_is_sent_and_leaves_the_rest(browser: Client) -> None:
    task = make_task(task_name="mine", description="old")
    set_labels(task, ["a"])
    patch(browser, task, description="new")
    task.refresh_from_db()
    assert (task.name, task.description, labels_of(task)) == ("mine", "new", ["a"])
    assert task.optimization["max_iterations"] == 12


def test_it_keeps_a_version_that_says_who(browser: Client) -> None:
    task = make_task()
    post(browser, task, name="renamed")
    kept = task.versions.get(number=2)
    assert kept.kind == TaskVersion.Kind.DETAILS
    assert kept.spec["task_name"] == "renamed"
    assert kept.changed_by is not None


def test_it_changes_a_running_task_whose_run_keeps_its_own_text(browser: Client) -> None:
    task = running_task(description="old")
    assert post(browser, task, description="new").status_code == 302
    task.refresh_from_db()
    assert (task.status, task.description) == (Task.Status.RUNNING, "new")
    assert task.runs.get().task_spec.description == "old"
    assert "new" in text_of(browser.get(f"/tasks/{task.pk}/"))


def test_it_refuses_what_is_no_detail(browser: Client) -> None:
    task = make_task()
    response = patch(browser, task, descripton="new", optimization="{}")
    assert response.status_code == 422
    assert "did you mean &#x27;description&#x27;?" in text_of(response)
    assert "optimization: cannot be changed here" in text_of(response)
    task.refresh_from_db()
    assert task.version == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "must not be empty"),
        ("name", "x" * 201, "longer than 200"),
        ("name", "a\x07b", "control character"),
        ("description", "x" * 10_001, "10000"),
        ("label_names", "x" * 51, "too long"),
        ("label_names", ",".join(map(str, range(30))), "too many"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    browser: Client, field: str, value: str, said: str
) -> None:
    task = make_task()
    response = post(browser, task, **{field: value})
    assert response.status_code == 422
    assert said in "".join(response.context["form"].errors[field])
    task.refresh_from_db()
    assert task.version == 1


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "مهمة", "名前 🚀", "a/b?c=d&e"])
def test_a_task_may_be_called_anything(browser: Client, name: str) -> None:
    task = make_task()
    post(browser, task, name=name)
    task.refresh_from_db()
    assert task.name == name
    for path in ("/", f"/tasks/{task.pk}/", f"/tasks/{task.pk}/history"):
        assert "<script>alert" not in text_of(browser.get(path))


def test_it_takes_no_name_of_another_task(browser: Client) -> None:
    make_task(task_name="taken")
    task = make_task()
    response = post(browser, task, name=" taken ")
    assert response.status_code == 422
    assert "There is a task of this name already" in text_of(response)


def test_saving_without_a_change_makes_no_version(browser: Client) -> None:
    task = make_task(task_name="mine", description="two\nlines")
    response = browser.post(
        f"/tasks/{task.pk}/details",
        {"version": 1, "name": "mine", "description": "two\r\nlines", "label_names": ""},
        follow=True,
    )
    assert messages_of(response) == ["Nothing was changed."]
    assert task.versions.count() == 1


def test_it_loses_neither_of_two_changes(browser: Client) -> None:
    task = make_task(description="seen")
    edit(Task.objects.get(pk=task.pk), description="theirs")
    response = post(browser, task, description="mine")
    assert response.status_code == 409
    text = text_of(response)
    assert "theirs" in text
    assert "mine</textarea>" in text
    assert 'name="version" value="2"' in text
    task.refresh_from_db()
    assert task.description == "theirs"
    post(browser, task, description="mine")
    task.refresh_from_db()
    assert task.description == "mine"


def test_a_change_of_another_field_is_no_conflict(browser: Client) -> None:
    task = make_task()
    edit(Task.objects.get(pk=task.pk), slo={"ttft_p99_s": 0.5})
    assert post(browser, task, description="mine").status_code == 302
    task.refresh_from_db()
    assert (task.description, task.slo) == ("mine", {"ttft_p99_s": 0.5})


@pytest.mark.parametrize("version", ["", "x", "99", "0"])
def test_it_changes_nothing_without_the_version_that_was_seen(
    browser: Client, version: str
) -> None:
    task = make_task(description="old")
    response = post(browser, task, description="new", version=version)
    assert response.status_code in {409, 422}
    task.refresh_from_db()
    assert task.description == "old"


def test_labels_that_two_people_put_on_are_both_there(browser: Client) -> None:
    task = make_task()
    set_labels(task, ["old", "shared"])
    seen = {"seen_labels": "old, shared"}
    set_labels(task, ["old", "shared", "theirs"])
    post(browser, task, label_names="Shared, mine", **seen)
    assert labels_of(task) == ["mine", "shared", "theirs"]


def test_a_label_is_the_same_whatever_its_capitals(browser: Client) -> None:
    first, second = make_task(), make_task()
    post(browser, first, label_names="Prod, prod,PROD")
    post(browser, second, label_names="pRoD")
    assert Label.objects.count() == 1
    assert labels_of(second) == ["Prod"]


def test_a_label_that_nobody_has_is_offered_no_longer(browser: Client) -> None:
    task = make_task()
    post(browser, task, label_names="short-lived")
    post(browser, task, label_names="")
    assert not Label.objects.exists()


def test_it_answers_htmx_in_place_and_then_with_the_page(browser: Client) -> None:
    task = make_task()
    path = f"/tasks/{task.pk}/details"
    part = browser.get(path, headers=HTMX).content.decode().strip()
    assert part.startswith('<div class="quick-edit"')
    saved = browser.post(path, {"version": 1, "description": "new"}, headers=HTMX)
    assert saved.headers["HX-Refresh"] == "true"


def test_a_task_that_was_deleted_meanwhile_is_told_of(browser: Client) -> None:
    assert browser.get("/tasks/9999/details").status_code == 404
    response = browser.post("/tasks/9999/details", {"name": "x"}, headers=HTMX)
    assert response.headers["HX-Refresh"] == "true"
    assert messages_of(browser.get("/")) == ["This task was deleted meanwhile."]
