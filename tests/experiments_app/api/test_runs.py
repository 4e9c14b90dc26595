"""Starting and stopping runs through the API, and calls that are sent twice."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from autotuner_site.models import IdempotentCall
from experiments_app import task_log
from experiments_app.api import idempotency
from experiments_app.api.idempotency import HEADER, KEPT, LOST_AFTER, REPLAYED
from tasks_app.models import AuditEntry, Run, Task
from tests import factories
from tests.experiments_app.api.callers import Caller, caller, refusal

pytestmark = pytest.mark.django_db
KEY = {HEADER: "one-of-ours"}


@pytest.fixture
def call() -> Caller:
    return caller()


@pytest.fixture(autouse=True)
def can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has what the task takes, whatever it has."""
    monkeypatch.setattr("experiments_app.lifecycle.check_spec", lambda spec: 0)


def test_the_life_of_a_task(call: Caller) -> None:
    task = factories.make_task()
    path = f"/tasks/{task.pk}"
    for verb, status in (
        ("start", "running"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled"),
        ("restart", "running"), ("cancel", "cancelled"), ("archive", "cancelled"),
        ("bring-back", "cancelled"),
    ):  # fmt: skip
        response = call("POST", f"{path}/{verb}")
        assert (response.status_code, response.data["status"]) == (200, status), verb
    assert [run["number"] for run in call("GET", f"{path}/runs").data["items"]] == [2, 1]
    assert Run.objects.get(number=2).started_by == call.user
    assert "cancelled by operator" in task_log.path_of(task.pk).read_text()
    assert AuditEntry.objects.filter(action="task.started", who="operator").count() == 2


@pytest.mark.parametrize("verb", ["start", "pause", "resume", "extend", "restart"])
def test_what_cannot_be_done_now_is_a_conflict(call: Caller, verb: str) -> None:
    task = factories.make_task() if verb != "start" else factories.completed_task()
    response = call("POST", f"/tasks/{task.pk}/{verb}", {"more": 2} if verb == "extend" else None)
    assert refusal(response)[:2] == (409, "conflict")


def test_what_this_site_cannot_run_is_told_with_its_place(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    task = factories.make_task(model={"id_or_path": "/models/gone.gguf"})
    assert refusal(call("POST", f"/tasks/{task.pk}/start")) == (
        422,
        "invalid",
        ["model.id_or_path"],
    )
    task.refresh_from_db()
    assert task.status == Task.Status.PENDING


def test_extending_takes_a_number(call: Caller) -> None:
    task = factories.completed_task((10.0, 12.0), optimization={"max_iterations": 1})
    path = f"/tasks/{task.pk}/extend"
    for sent, place in (({"more": 0}, "more"), ({"more": "2"}, "more"), ({"less": 1}, "less")):
        assert place in refusal(call("POST", path, sent))[2]
    assert refusal(call("POST", path))[:2] == (422, "invalid")
    assert refusal(call("POST", path, '{"more": 1, "more": 2}'))[:2] == (400, "bad_request")
    assert refusal(call("POST", path, "more=1", kind="text/plain"))[0] == 415
    assert call("POST", path, {"more": 2}).data["status"] == "running"


# Sent twice


def test_the_same_call_again_starts_no_second_run_and_is_answered_alike(call: Caller) -> None:
    task = factories.make_task()
    path = f"/tasks/{task.pk}/start"
    first = call("POST", path, **KEY)
    task.refresh_from_db()
    task.cancel()
    again = call("POST", path, **KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.data == first.data
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert Run.objects.count() == 1
    assert refusal(call("POST", path))[:2] == (409, "conflict")


def test_a_restart_by_the_same_key_is_one_run(call: Caller) -> None:
    task = factories.completed_task()
    for _ in range(2):
        assert call("POST", f"/tasks/{task.pk}/restart", **KEY).data["run"] == 2


def test_a_key_belongs_to_one_call(call: Caller) -> None:
    one, two = factories.make_task(), factories.make_task()
    call("POST", f"/tasks/{one.pk}/start", **KEY)
    for response in (
        call("POST", f"/tasks/{two.pk}/start", **KEY),
        call("POST", f"/tasks/{one.pk}/restart", **KEY),
        call("POST", f"/tasks/{one.pk}/start", {"other": "body"}, **KEY),
    ):
        assert refusal(response) == (422, "invalid", [HEADER])
    two.refresh_from_db()
    assert two.status == Task.Status.PENDING


def test_a_key_is_of_one_user(call: Caller) -> None:
    task = factories.make_task()
    call("POST", f"/tasks/{task.pk}/start", **KEY)
    other = Caller(factories.make_user("other"))
    assert refusal(other("POST", f"/tasks/{task.pk}/start", **KEY))[:2] == (409, "conflict")


@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 201, "schlüssel"])
def test_a_key_that_cannot_be_is_told(call: Caller, key: str) -> None:
    task = factories.make_task()
    response = call("POST", f"/tasks/{task.pk}/start", **{HEADER: key})
    assert refusal(response) == (422, "invalid", [HEADER])


def test_a_call_that_was_refused_keeps_no_key(call: Caller) -> None:
    task = factories.completed_task()
    assert call("POST", f"/tasks/{task.pk}/start", **KEY).status_code == 409
    assert not IdempotentCall.objects.exists()


def test_a_key_is_kept_for_a_day(call: Caller) -> None:
    task = factories.make_task()
    call("POST", f"/tasks/{task.pk}/start", **KEY)
    IdempotentCall.objects.update(created_at=timezone.now() - KEPT - timedelta(minutes=1))
    response = call("POST", f"/tasks/{task.pk}/start", **KEY)
    assert refusal(response)[:2] == (409, "conflict")


def lost(call: Caller, path: str, age: timedelta) -> IdempotentCall:
    """As a call leaves it whose process ended before it could answer."""
    call("POST", path, **KEY)
    row = IdempotentCall.objects.get()
    row.status, row.answer, row.created_at = None, None, timezone.now() - age
    row.save()
    return row


def test_a_start_whose_answer_was_lost_is_answered_after_all(call: Caller) -> None:
    task = factories.make_task()
    path = f"/tasks/{task.pk}/start"
    row = lost(call, path, LOST_AFTER + timedelta(seconds=1))
    again = call("POST", path, **KEY)
    assert (again.status_code, again.data["status"]) == (200, "running")
    assert Run.objects.count() == 1
    row.refresh_from_db()
    assert row.status == 200


def test_one_that_is_not_answered_yet_says_so(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_S", 0.0)
    task = factories.make_task()
    path = f"/tasks/{task.pk}/start"
    lost(call, path, timedelta())
    response = call("POST", path, **KEY)
    assert refusal(response)[:2] == (409, "conflict")
    assert response.headers["Retry-After"] == "1"


@pytest.mark.django_db(transaction=True)
def test_two_at_once_by_one_key_are_one_run() -> None:
    call = caller()
    task = factories.make_task()
    answers: list[Any] = []
    ready = threading.Barrier(3)

    def start() -> None:
        own = Caller(secret=call.secret)
        ready.wait(10)
        answers.append(own("POST", f"/tasks/{task.pk}/start", **KEY))
        connections.close_all()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.text_sent for answer in answers}) == 1
    assert Run.objects.count() == 1
