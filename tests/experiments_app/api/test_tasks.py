"""Tasks through the API: listed, read, written, deleted."""

import json
import threading
from contextlib import suppress
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.db import connections

from experiments_app.api.examples import TASK_FILE
from experiments_app.api.schemas import TaskFileOut, TaskState
from experiments_app.results import RunResults
from tasks_app.labels import add_labels
from tasks_app.models import AuditEntry, Task, TaskVersion
from tasks_app.spec import TaskSpec
from tests import factories
from tests.experiments_app.api.callers import Caller, caller, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> Caller:
    return caller()


def task_file(**changes: Any) -> dict[str, Any]:
    return TASK_FILE | changes


# Reading


def test_a_task_has_its_file_and_its_state_under_the_names_of_both(call: Caller) -> None:
    task = factories.completed_task()
    add_labels(task, ["nightly"])
    found = call("GET", f"/tasks/{task.pk}").data
    assert set(found) == set(TaskSpec.model_fields) | set(TaskState.model_fields)
    assert {key: found[key] for key in TaskSpec.model_fields} == task.spec_data()
    assert (found["id"], found["version"], found["run"]) == (task.pk, 1, 1)
    assert (found["status"], found["labels"]) == ("completed", ["nightly"])
    assert (found["experiments_finished"], found["experiments_planned"]) == (12, 12)


def test_the_answer_knows_every_key_of_the_task_file() -> None:
    assert set(TaskFileOut.model_fields) == set(TaskSpec.model_fields)


@pytest.mark.parametrize(
    "make",
    [
        factories.completed_task,
        factories.running_task,
        factories.infeasible_task,
        factories.failed_task,
        factories.make_task,
        factories.pruned_task,
    ],
)
def test_the_best_is_that_of_the_results_in_the_list_and_alone(call: Caller, make: Any) -> None:
    task = make()
    alone = call("GET", f"/tasks/{task.pk}").data
    listed = call("GET", "/tasks").data["items"]
    results = RunResults(task)
    number = results.best.number if results.best else None
    for found in (alone, listed[0]):
        best = found["best_experiment"]
        assert (best["number"] if best else None) == number
        assert found["gain"] == results.gain


def test_of_equal_scores_the_lower_number_is_the_best(call: Caller) -> None:
    task = factories.completed_task((10.0, 30.0, 30.0))
    assert call("GET", f"/tasks/{task.pk}").data["best_experiment"]["number"] == 1


def test_a_missing_task_is_told(call: Caller) -> None:
    response = call("GET", "/tasks/4711")
    assert refusal(response)[:2] == (404, "not_found")
    assert "4711" in response.data["error"]["message"]


def test_secrets_are_masked(call: Caller) -> None:
    task = factories.make_task(environment={"HF_TOKEN": "hf_sesame", "MODE": "fast"})
    text = call("GET", f"/tasks/{task.pk}").text_sent + call("GET", "/tasks").text_sent
    assert "sesame" not in text
    assert '"MODE": "fast"' in text


# The list


def test_it_comes_in_pages_with_the_addresses_beside(call: Caller) -> None:
    tasks = [factories.make_task() for _ in range(5)]
    first = call("GET", "/tasks?limit=2&q=smollm2").data
    assert [one["id"] for one in first["items"]] == [tasks[4].pk, tasks[3].pk]
    assert (first["count"], first["previous"]) == (5, None)
    second = call("GET", first["next"].removeprefix("/api/v1")).data
    assert [one["id"] for one in second["items"]] == [tasks[2].pk, tasks[1].pk]
    last = call("GET", second["next"].removeprefix("/api/v1")).data
    assert ([one["id"] for one in last["items"]], last["next"]) == ([tasks[0].pk], None)
    assert "q=smollm2" in last["previous"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=pending", {"one", "two"}),
        ("status=running", {"busy"}),
        ("base_runtime=vllm", {"two"}),
        ("label=chat", {"one"}),
        ("q=ONE", {"one"}),
        ("created_by=nobody", set()),
        ("archived=yes", {"old"}),
        ("archived=all&status=pending", {"one", "two", "old"}),
    ],
)
def test_it_is_filtered_as_the_page_is(call: Caller, query: str, found: set[str]) -> None:
    add_labels(factories.make_task(task_name="one"), ["chat"])
    factories.make_task(task_name="two", base_runtime="vllm", parameters={"max-num-seqs": [8]})
    factories.make_task(task_name="old").archive()
    factories.running_task(task_name="busy")
    names = {one["task_name"] for one in call("GET", f"/tasks?{query}").data["items"]}
    assert names == found


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("status=done", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("offset=-1", "offset"),
        ("sort=colour", "sort"),
        ("q=%00", "q"),
        ("statuss=pending", "statuss"),
    ],
)
def test_what_it_cannot_be_asked_is_told(call: Caller, query: str, place: str) -> None:
    assert refusal(call("GET", f"/tasks?{query}")) == (422, "invalid", [place])


def test_it_is_sorted_by_each_field(call: Caller) -> None:
    for scores in ((10.0, 20.0), (10.0, 15.0)):
        factories.completed_task(scores)
    gains = [one["gain"] for one in call("GET", "/tasks?sort=gain").data["items"]]
    assert gains == sorted(gains)
    for field in ("created_at", "updated_at", "task_name", "status", "created_by", "elapsed_s"):
        assert call("GET", f"/tasks?sort=-{field}").status_code == 200


# Writing


def test_the_body_of_post_is_a_task_file(call: Caller) -> None:
    response = call("POST", "/tasks", task_file())
    assert response.status_code == 201
    task = Task.objects.get()
    assert response.headers["Location"] == f"/api/v1/tasks/{task.pk}"
    assert task.spec == TaskSpec.from_data(task_file())
    assert task.created_by == call.user
    assert TaskVersion.objects.get(task=task).changed_by == call.user
    assert AuditEntry.objects.filter(action="task.created", who="operator").exists()


def test_yaml_is_taken_too(call: Caller) -> None:
    response = call("POST", "/tasks", yaml.safe_dump(task_file()), kind="application/yaml")
    assert response.status_code == 201
    assert Task.objects.get().spec == TaskSpec.from_data(task_file())


def test_every_problem_is_told_with_its_place(call: Caller) -> None:
    wrong = task_file(base_runtime="llamacp", optimization={"max_iterations": "many"}, colour=1)
    status, kind, places = refusal(call("POST", "/tasks", wrong))
    assert (status, kind) == (422, "invalid")
    assert {"colour", "optimization.max_iterations"} <= set(places)
    assert not Task.objects.exists()


def test_a_name_that_is_taken_is_a_conflict(call: Caller) -> None:
    factories.make_task(task_name="mine")
    response = call("POST", "/tasks", task_file(task_name="mine"))
    assert refusal(response) == (409, "conflict", ["task_name"])


@pytest.mark.parametrize(
    ("body", "kind", "refused"),
    [
        ("{", "application/json", (400, "bad_request")),
        ("task_name: x", "application/json", (400, "bad_request")),
        ('{"a": 1, "a": 2}', "application/json", (400, "bad_request")),
        ('{"a": NaN}', "application/json", (400, "bad_request")),
        (b"\xff", "application/json", (400, "bad_request")),
        ("&a [*a]", "application/yaml", (400, "bad_request")),
        ("", "application/json", (400, "bad_request")),
        ("null", "application/json", (400, "bad_request")),
        ("[]", "application/json", (422, "invalid")),
        ("{}", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        ("x" * 4_100_000, "application/json", (413, "too_large")),
        ("x" * 13_000_000, "application/json", (413, "too_large")),
    ],
)
def test_a_body_that_cannot_be_read_is_told(
    call: Caller, body: Any, kind: str, refused: tuple[int, str]
) -> None:
    assert refusal(call("POST", "/tasks", body, kind=kind))[:2] == refused


def test_put_replaces_all_that_post_has_written(call: Caller) -> None:
    made = call("POST", "/tasks", task_file()).data
    again = task_file(task_name="another", constraints=["threads <= parallel"]) | {"version": 1}
    response = call("PUT", f"/tasks/{made['id']}", again)
    assert (response.status_code, response.data["version"]) == (200, 2)
    assert response.headers["ETag"] == '"2"'
    task = Task.objects.get()
    assert (task.name, task.constraints) == ("another", ["threads <= parallel"])


def test_what_was_read_can_be_sent_back(call: Caller) -> None:
    task = factories.completed_task(environment={"HF_TOKEN": "hf_sesame"})
    add_labels(task, ["chat"])
    read = call("GET", f"/tasks/{task.pk}").data
    read["optimization"]["max_iterations"] = 3
    assert call("PUT", f"/tasks/{task.pk}", read).status_code == 200
    task.refresh_from_db()
    assert task.optimization["max_iterations"] == 3
    assert task.environment == {"HF_TOKEN": "hf_sesame"}


def test_a_put_that_changes_nothing_makes_no_version(call: Caller) -> None:
    task = factories.make_task()
    read = call("GET", f"/tasks/{task.pk}").data
    assert call("PUT", f"/tasks/{task.pk}", read).data["version"] == 1


@pytest.mark.parametrize(
    ("body", "headers", "refused"),
    [
        ({}, {}, (422, "invalid", ["version"])),
        ({"version": "1"}, {}, (422, "invalid", ["version"])),
        ({}, {"If-Match": "one"}, (422, "invalid", ["If-Match"])),
        ({"version": 2}, {}, (409, "conflict", ["version"])),
        ({}, {"If-Match": '"2"'}, (409, "conflict", ["version"])),
        ({}, {"If-Match": '"1"'}, None),
        ({}, {"If-Match": "*"}, None),
        ({"version": 1}, {}, None),
        ({"version": 1, "labels": ["new"]}, {}, (422, "invalid", ["labels"])),
    ],
)
def test_put_says_on_which_version_it_was_made(
    call: Caller, body: dict[str, Any], headers: dict[str, str], refused: Any
) -> None:
    task = factories.make_task()
    response = call("PUT", f"/tasks/{task.pk}", task_file() | body, **headers)
    if refused is None:
        assert response.status_code == 200
    else:
        assert refusal(response) == refused


def test_a_conflict_shows_both(call: Caller) -> None:
    task = factories.make_task(task_name="mine", environment={"HF_TOKEN": "hf_sesame"})
    factories.edit(task, description="theirs")
    error = call("PUT", f"/tasks/{task.pk}", task_file(description="ours", version=1)).data["error"]
    assert (error["stored"]["version"], error["sent"]["version"]) == (2, 1)
    assert error["stored"]["task"]["description"] == "theirs"
    assert error["sent"]["task"]["description"] == "ours"
    assert "sesame" not in json.dumps(error)


def test_a_running_task_is_not_replaced(call: Caller) -> None:
    task = factories.running_task()
    response = call("PUT", f"/tasks/{task.pk}", task_file(), **{"If-Match": "*"})
    assert refusal(response)[:2] == (409, "conflict")
    assert "running" in response.data["error"]["message"]


@pytest.mark.django_db(transaction=True)
def test_of_two_puts_at_once_one_wins_and_the_other_is_told() -> None:
    call = caller()
    task = factories.make_task()
    answers: list[Any] = []
    ready = threading.Barrier(2)

    def put(name: str) -> None:
        own = Caller(secret=call.secret)
        ready.wait(10)
        answers.append(own("PUT", f"/tasks/{task.pk}", task_file(description=name, version=1)))
        connections.close_all()

    threads = [threading.Thread(target=put, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert TaskVersion.objects.filter(task=task).count() == 2


# In passing


def test_patch_changes_name_description_and_labels_also_while_it_runs(call: Caller) -> None:
    task = factories.running_task()
    sent = {"task_name": "better", "description": "why", "labels": ["chat", "nightly"]}
    response = call("PATCH", f"/tasks/{task.pk}", sent)
    assert response.status_code == 200
    assert {key: response.data[key] for key in sent} == sent
    assert response.data["version"] == 2


def test_what_patch_leaves_out_stays(call: Caller) -> None:
    task = factories.make_task(description="why")
    add_labels(task, ["chat"])
    found = call("PATCH", f"/tasks/{task.pk}", {"labels": []}).data
    assert (found["description"], found["labels"], found["version"]) == ("why", [], 1)


@pytest.mark.parametrize("key", sorted(set(TaskSpec.model_fields) - {"task_name", "description"}))
def test_what_only_put_may_change_is_refused(call: Caller, key: str) -> None:
    task = factories.make_task()
    response = call("PATCH", f"/tasks/{task.pk}", {"description": "new", key: {}})
    assert refusal(response) == (422, "invalid", [key])
    assert "only PUT may change it" in response.data["error"]["problems"][0]["message"]
    task.refresh_from_db()
    assert task.description != "new"


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"task_name": ""}, "task_name"),
        ({"task_name": 7}, "task_name"),
        ({"task_name": None}, "task_name"),
        ({"labels": "chat"}, "labels"),
        ({"labels": ["a, b"]}, "labels[0]"),
        ({"labels": ["x" * 51]}, "labels"),
        ({"status": "completed"}, "status"),
        ({"describtion": "x"}, "describtion"),
    ],
)
def test_a_patch_that_cannot_be_is_told(call: Caller, sent: dict[str, Any], place: str) -> None:
    task = factories.make_task()
    assert refusal(call("PATCH", f"/tasks/{task.pk}", sent)) == (422, "invalid", [place])


def test_a_patch_of_an_old_version_is_a_conflict(call: Caller) -> None:
    task = factories.make_task()
    factories.edit(task, description="theirs")
    response = call("PATCH", f"/tasks/{task.pk}", {"description": "x", "version": 1})
    assert refusal(response)[:2] == (409, "conflict")
    factories.make_task(task_name="taken")
    response = call("PATCH", f"/tasks/{task.pk}", {"task_name": "taken"})
    assert refusal(response) == (409, "conflict", ["task_name"])


def test_delete_takes_it_away_unless_it_runs(call: Caller) -> None:
    task, running = factories.completed_task(), factories.running_task()
    assert call("DELETE", f"/tasks/{task.pk}").status_code == 204
    assert not Task.objects.filter(pk=task.pk).exists()
    assert refusal(call("DELETE", f"/tasks/{running.pk}"))[:2] == (409, "conflict")


# Checking


def test_the_report_is_that_of_the_command(call: Caller, tmp_path: Any, capsys: Any) -> None:
    for document in (task_file(), task_file(parameters={"thread": [1]})):
        path = tmp_path / "task.json"
        path.write_text(json.dumps(document))
        with suppress(SystemExit):
            call_command("validate", path, "--json")
        printed = json.loads(capsys.readouterr().out)
        assert call("POST", "/tasks/validate", document).data == printed
    assert not Task.objects.exists()


def test_a_saved_task_is_checked(call: Caller) -> None:
    task = factories.make_task()
    report = call("POST", f"/tasks/{task.pk}/validate").data
    assert report["valid"] is True
    assert report["commands"]


# For many


def test_it_asks_as_often_for_many_as_for_few(
    call: Caller, django_assert_max_num_queries: Any
) -> None:
    for count in (2, 20):
        for _ in range(count):
            factories.completed_task((10.0, 12.0))
        with django_assert_max_num_queries(12):
            found = call("GET", "/tasks?limit=200").data
        assert all(one["best_experiment"]["number"] == 1 for one in found["items"])
        experiments = f"/experiments?limit={count}"
        with django_assert_max_num_queries(7):
            assert len(call("GET", experiments).data["items"]) == count
