"""What is done to many tasks at once, and what is said of each."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments_app.bulk import MAX_TASKS
from experiments_app.models import Experiment
from tasks_app.labels import set_labels
from tasks_app.models import Label, Task, TaskVersion
from tests.factories import completed_task, make_task, running_task
from tests.pages import messages_of, text_of

pytestmark = pytest.mark.django_db


def send(browser: Client, action: str, *tasks: Task, **more: str) -> Any:
    data = {"action": action, "task": [task.pk for task in tasks], **more}
    return browser.post("/tasks/bulk", data, follow=True)


def statuses() -> list[str]:
    return list(Task.objects.order_by("pk").values_list("status", flat=True))


def test_it_starts_those_that_were_selected(browser: Client) -> None:
    first, second, _ = make_task(), make_task(), make_task()
    response = send(browser, "start", first, second)
    assert statuses() == ["running", "running", "pending"]
    assert messages_of(response) == ["2 tasks started."]


def test_it_says_of_each_why_it_was_left_out(browser: Client) -> None:
    ran = completed_task((50.0,), task_name="has run")
    runs, fresh = running_task(task_name="goes on"), make_task()
    text = text_of(send(browser, "start", ran, runs, fresh))
    assert "1 of 3 tasks started" in text
    assert "has run before: restart it instead" in text
    assert "is running already" in text
    fresh.refresh_from_db()
    assert fresh.status == Task.Status.RUNNING


def test_it_restarts_and_cancels(browser: Client) -> None:
    task = completed_task((50.0,))
    send(browser, "restart", task)
    task.refresh_from_db()
    assert (task.run, task.status) == (2, Task.Status.RUNNING)
    send(browser, "cancel", task)
    assert statuses() == ["cancelled"]


def test_it_pauses_and_resumes_those_that_can_be(browser: Client) -> None:
    runs, new = running_task(), make_task()
    text = text_of(send(browser, "pause", runs, new))
    assert "1 of 2 tasks paused" in text
    assert "is not running" in text
    text = text_of(send(browser, "start", runs, new))
    assert "is paused: resume it instead" in text
    assert messages_of(send(browser, "resume", runs)) == ["1 task resumed."]


def test_it_tells_of_each_that_this_site_cannot_run(browser: Client) -> None:
    wrong = make_task(deployment_mode="docker", runtime_image="a/b:c")
    text = text_of(send(browser, "start", wrong, make_task()))
    assert "1 of 2 tasks started" in text
    assert "docker" in text


def test_it_archives_all_but_the_running_and_brings_back(browser: Client) -> None:
    idle, runs = make_task(), running_task()
    assert "is running: cancel it first" in text_of(send(browser, "archive", idle, runs))
    assert list(Task.objects.archived()) == [idle]
    send(browser, "bring-back", idle)
    assert not Task.objects.archived().exists()


def test_it_asks_before_it_deletes_and_counts_what_goes(browser: Client) -> None:
    gone, runs = completed_task((50.0, 60.0)), running_task(task_name="goes on")
    text = text_of(send(browser, "delete", gone, runs))
    assert "Delete 1 task?" in text
    assert "With them go 2 experiments, 2 measurements" in text
    assert "goes on: is running: cancel it first" in text
    assert Task.objects.count() == 2
    send(browser, "delete", tasks=f"{gone.pk},{runs.pk}", sure="1")
    assert list(Task.objects.all()) == [runs]
    assert not Experiment.objects.filter(task_id=gone.pk).exists()


def test_all_means_all_that_the_filter_finds_and_is_asked_first(browser: Client) -> None:
    for number in range(30):
        make_task(task_name=f"alpha {number}")
    other = make_task(task_name="beta")
    asked = send(browser, "archive", all="1", filters="q=alpha&page=2&sort=name")
    assert "Archive 30 tasks?" in text_of(asked)
    assert not Task.objects.archived().exists()
    keys = asked.context["bulk"].keys
    response = send(browser, "archive", tasks=keys, sure="1", filters="q=alpha&sort=name")
    assert Task.objects.archived().count() == 30
    assert list(Task.objects.in_use()) == [other]
    assert response.redirect_chain == [("/?q=alpha&sort=name", 302)]


def test_all_of_a_filter_that_cannot_be_read_is_nothing(browser: Client) -> None:
    make_task()
    response = send(browser, "archive", all="1", filters="label=long+gone")
    assert "A filter could not be read" in messages_of(response)[0]


def test_it_takes_no_more_than_it_can_do_in_one_go(browser: Client) -> None:
    task = make_task()
    spec = {field.name: getattr(task, field.name) for field in Task._meta.concrete_fields}
    del spec["id"]
    Task.objects.bulk_create(
        Task(**spec | {"name": f"copy {number}"}) for number in range(MAX_TASKS)
    )
    response = send(browser, "archive", all="1", filters="")
    assert "1,001 tasks are too many: at most 1,000" in messages_of(response)[0]


@pytest.mark.parametrize("keys", ["", "x", "-1", "9" * 40, ",,,", "1;drop"])
def test_nothing_selected_does_nothing(browser: Client, keys: str) -> None:
    make_task()
    response = send(browser, "delete", tasks=keys, sure="1")
    assert messages_of(response) == ["Select at least one task first."]
    assert Task.objects.count() == 1


def test_an_action_that_there_is_not_does_nothing(browser: Client) -> None:
    response = send(browser, "explode", make_task())
    assert "nothing that can be done" in messages_of(response)[0]


def test_it_leads_nowhere_but_back_to_the_list(browser: Client) -> None:
    response = send(browser, "archive", make_task(), filters="//evil.example/?q=1")
    assert response.redirect_chain[0][0].startswith("/?")


def test_it_puts_labels_on_and_takes_them_off(browser: Client) -> None:
    first, second = make_task(), make_task()
    set_labels(first, ["Prod"])
    assert 'name="how" value="add"' in text_of(send(browser, "label", first, second))
    send(browser, "label", first, second, how="add", labels="prod, team a")
    assert [str(label) for label in first.labels.all()] == ["Prod", "team a"]
    assert [str(label) for label in second.labels.all()] == ["Prod", "team a"]
    send(browser, "label", first, second, how="remove", labels="PROD")
    assert [label.name for label in Label.objects.all()] == ["team a"]


@pytest.mark.parametrize(
    ("labels", "said"), [("", "required"), (" , ", "at least one"), ("x" * 51, "too long")]
)
def test_it_says_what_is_wrong_with_labels(browser: Client, labels: str, said: str) -> None:
    task = make_task()
    response = send(browser, "label", task, how="add", labels=labels)
    assert response.status_code == 422
    assert said in text_of(response)
    assert not Label.objects.exists()


def edit(browser: Client, field: str, value: str, *tasks: Task) -> Any:
    return send(browser, "edit", *tasks, field=field, value=value, sure="1")


def test_it_changes_one_field_of_many_and_says_from_what_to_what(browser: Client) -> None:
    first, second = make_task(), make_task()
    text = text_of(edit(browser, "max_iterations", "7", first, second))
    assert "2 tasks changed" in text
    assert "12 → 7" in text
    first.refresh_from_db()
    assert (first.optimization["max_iterations"], first.version) == (7, 2)
    assert first.optimization["strategy"] == "grid_search"
    kept = first.versions.get(number=2)
    assert kept.kind == TaskVersion.Kind.BULK
    assert kept.changed_by is not None


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("strategy", "random", ("optimization", "strategy", "random")),
        ("seed", "42", ("optimization", "seed", 42)),
        ("num_concurrency", "1, 16", ("benchmark", "num_concurrency", [1, 16])),
        ("num_concurrency", "auto", ("benchmark", "num_concurrency", "auto")),
        ("slo", "ttft_p99_s: 0.5", ("slo", "ttft_p99_s", 0.5)),
        (
            "traffic_scenarios",
            "D(10,10), D(20,20)",
            ("benchmark", "traffic_scenarios", ["D(10,10)", "D(20,20)"]),
        ),
    ],
)
def test_it_changes_fields_of_every_kind(
    browser: Client, field: str, value: str, place: tuple[str, str, Any]
) -> None:
    task = make_task()
    edit(browser, field, value, task)
    task.refresh_from_db()
    section, key, expected = place
    assert getattr(task, section)[key] == expected


def test_it_leaves_running_and_unchanged_tasks_as_they_are_and_names_them(browser: Client) -> None:
    runs, same, other = running_task(), make_task(), make_task()
    send(browser, "edit", same, field="seed", value="5", sure="1")
    text = text_of(edit(browser, "seed", "5", runs, same, other))
    assert "1 of 3 tasks changed" in text
    assert "is running: it cannot be edited" in text
    assert "unchanged: it has this value already" in text
    assert [task.version for task in Task.objects.order_by("pk")] == [1, 2, 2]


def test_it_checks_the_value_for_each_task(browser: Client) -> None:
    searches = make_task(parameters={"threads": [1, 2]}, task_name="searches it")
    other = make_task(parameters={"parallel": [1, 2]})
    text = text_of(edit(browser, "fixed_parameters", "threads: 4", searches, other))
    assert "1 of 2 tasks changed" in text
    assert list(Task.objects.filter(version=2)) == [other]
    assert "fixed_parameters.threads" in text


def test_a_value_that_fits_no_task_is_refused_at_the_field(browser: Client) -> None:
    response = edit(browser, "max_iterations", "many", make_task(), make_task())
    assert response.status_code == 422
    text = text_of(response)
    assert 'value="many"' in text
    assert "whole number" in text
    assert not Task.objects.filter(version=2).exists()


def test_a_text_that_cannot_be_read_is_refused_at_the_field(browser: Client) -> None:
    response = edit(browser, "slo", "ttft: [", make_task())
    assert response.status_code == 422
    assert "not valid YAML" in text_of(response)


def test_an_empty_value_is_the_default(browser: Client) -> None:
    task = make_task()
    edit(browser, "max_iterations", "", task)
    task.refresh_from_db()
    assert task.optimization["max_iterations"] == 20


@pytest.mark.parametrize("field", ["task_name", "hub_token", "unheard-of", ""])
def test_it_offers_no_field_that_cannot_be_shared(browser: Client, field: str) -> None:
    task = make_task()
    response = edit(browser, field, "x", task)
    assert "disabled>Change it" in text_of(response)
    task.refresh_from_db()
    assert task.version == 1


def test_the_field_shows_what_all_tasks_have(browser: Client) -> None:
    tasks = [make_task(), make_task()]
    assert 'value="12"' in text_of(send(browser, "edit", *tasks, field="max_iterations"))


def test_it_answers_htmx_with_the_field_alone(browser: Client) -> None:
    data = {"action": "edit", "task": make_task().pk, "field": "strategy"}
    response = browser.post("/tasks/bulk", data, headers={"HX-Request": "true"})
    assert response.content.decode().strip().startswith('<div id="bulk-value"')
    assert "grid_search" in text_of(response)


def test_it_does_nothing_on_get(browser: Client) -> None:
    assert browser.get("/tasks/bulk").status_code == 405


def test_asking_takes_as_many_queries_for_many(browser: Client) -> None:
    def queries(*tasks: Task) -> int:
        with CaptureQueriesContext(connection) as captured:
            send(browser, "edit", *tasks)
        return len(captured)

    one = queries(make_task())
    assert queries(*(make_task() for _ in range(8))) == one


def test_what_it_came_to_can_be_loaded_again(browser: Client) -> None:
    ran, fresh = completed_task((50.0,)), make_task()
    response = send(browser, "start", ran, fresh, filters="q=smol")
    assert response.redirect_chain == [("/tasks/bulk/outcomes", 302)]
    again = text_of(browser.get("/tasks/bulk/outcomes"))
    assert "1 of 2 tasks started" in again
    assert 'href="/?q=smol"' in again


def test_there_is_nothing_to_tell_before_anything_was_done(browser: Client) -> None:
    assert browser.get("/tasks/bulk/outcomes").headers["Location"] == "/"


def test_it_copies_those_that_were_selected(browser: Client) -> None:
    response = send(browser, "duplicate", make_task(task_name="a"), make_task(task_name="b"))
    assert messages_of(response) == ["2 tasks copied."]
    assert set(Task.objects.values_list("name", flat=True)) == {"a", "b", "a (copy)", "b (copy)"}
