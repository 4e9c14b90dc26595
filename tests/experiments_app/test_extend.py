"""A run that has ended goes on for more experiments, and repeats none."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from experiments_app import lifecycle
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from experiments_app.scheduler import advance
from experiments_app.task_list import summaries
from tasks_app.models import StaleState, Task
from tasks_app.problems import SpecError
from tests.experiments_app.specs import saved_task
from tests.factories import running_task
from tests.pages import messages_of, text_of

pytestmark = pytest.mark.django_db
Status = Task.Status


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tasks that the consumer was told of."""
    calls: list[int] = []
    monkeypatch.setattr(lifecycle, "wake", calls.append)
    return calls


@pytest.fixture
def task() -> Task:
    """Its two experiments and the baseline have ended; two of four configurations are left."""
    task = saved_task(parameters={"threads": [1, 2, 3, 4]})
    task.start(gpus=0)
    run_to_the_end(task)
    return again(task)


def run_to_the_end(task: Task, status: str = "success") -> None:
    score = {"objective_score": 1.0, "feasible": True} if status == "success" else {}
    while experiment := advance(task.pk):
        Experiment.objects.filter(pk=experiment.pk).update(status=status, **score)


def again(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def tried(task: Task) -> list[Any]:
    return [e.parameters.get("threads") for e in task.experiments.order_by("number")]


def test_it_goes_on_in_the_same_run_and_tries_what_is_left(task: Task, woken: list[int]) -> None:
    before = tried(task)
    lifecycle.extend_task(task, more=2, wake_consumer=False)
    task.refresh_from_db()
    assert (task.run, task.status, task.completed_at) == (1, Status.RUNNING, None)
    run_to_the_end(task)
    assert tried(task)[:3] == before
    assert sorted(tried(task)[1:]) == [1, 2, 3, 4]
    assert again(task).status == Status.COMPLETED


def test_the_raised_budget_is_the_plan(task: Task) -> None:
    lifecycle.extend_task(task, more=1)
    task.refresh_from_db()
    assert TaskOverview.load(task).planned == 4
    assert summaries([task])[0].total == 4
    run_to_the_end(task)
    assert task.experiments.count() == 4
    assert again(task).optimization["max_iterations"] == 2  # what the next run is held to


def test_time_between_end_and_extension_is_not_spent(task: Task) -> None:
    ended = task.elapsed
    lifecycle.extend_task(task, more=1)
    assert task.elapsed is not None
    assert ended is not None
    assert (task.elapsed - ended).total_seconds() < 2


def test_it_refuses_when_the_space_is_spent(task: Task) -> None:
    lifecycle.extend_task(task, more=2)
    run_to_the_end(task)
    with pytest.raises(StaleState, match="was tried"):
        lifecycle.extend_task(again(task), more=1)
    assert again(task).status == again(task).runs.get().status == Status.COMPLETED


@pytest.mark.parametrize("more", [0, -1, 1001])
def test_it_refuses_a_number_that_cannot_be(task: Task, more: int) -> None:
    with pytest.raises(SpecError, match="1 to 1,000"):
        lifecycle.extend_task(task, more=more)


def test_it_refuses_what_has_not_ended() -> None:
    for task in (saved_task(), running_task()):
        with pytest.raises(StaleState, match="only an ended run"):
            lifecycle.extend_task(task, more=1)


def test_what_a_cancel_took_away_is_run_after_all(task: Task) -> None:
    lifecycle.extend_task(task, more=1)
    taken = advance(task.pk)
    assert taken is not None
    lifecycle.cancel_task(again(task))
    lifecycle.extend_task(again(task), more=1)
    assert advance(task.pk) == taken
    run_to_the_end(task)
    assert len(tried(task)) == len(set(tried(task))) == 5


def test_it_waits_until_a_cancelled_experiment_is_taken_down() -> None:
    task = running_task()
    task.cancel()
    with pytest.raises(StaleState, match="being taken down"):
        lifecycle.extend_task(task, more=1)
    assert again(task).status == Status.CANCELLED


def test_a_run_in_which_everything_failed_goes_on_once_the_cause_is_mended() -> None:
    task = saved_task(parameters={"threads": [1, 2, 3, 4]})
    task.start(gpus=0)
    while experiment := advance(task.pk):
        Experiment.objects.filter(pk=experiment.pk).update(
            status="failed", error_kind="crashed", error="x"
        )
    lifecycle.extend_task(again(task), more=1)
    run_to_the_end(task)
    assert again(task).status == Status.COMPLETED


@pytest.mark.django_db(transaction=True)
def test_extending_twice_at_once_extends_once() -> None:
    task = saved_task(parameters={"threads": [1, 2, 3, 4]})
    task.start(gpus=0)
    run_to_the_end(task)
    ready = threading.Barrier(3)
    done: list[int] = []

    def extend() -> None:
        own = again(task)
        ready.wait(timeout=60)
        try:
            lifecycle.extend_task(own, more=1)
            done.append(1)
        except StaleState:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=extend) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert (done, again(task).runs.get().max_iterations) == ([1], 3)


def test_the_page_offers_what_is_left_and_goes_on(browser: Client, task: Task) -> None:
    text = browser.get(f"/tasks/{task.pk}/").content.decode()
    assert 'name="more" id="more" min="1" max="1000" value="2"' in text
    response = browser.post(f"/tasks/{task.pk}/extend", {"more": "2"}, follow=True)
    assert messages_of(response) == ["The run goes on."]
    run_to_the_end(task)
    text = text_of(browser.get(f"/tasks/{task.pk}/"))
    assert "Every configuration of the search space was tried." in text
    assert 'id="more"' not in text


@pytest.mark.parametrize("more", ["", "x", "0", "99999999999999999999"])
def test_the_page_says_what_number_would_be_right(browser: Client, task: Task, more: str) -> None:
    response = browser.post(f"/tasks/{task.pk}/extend", {"more": more}, follow=True)
    assert "must be a whole number from 1 to 1,000" in messages_of(response)[0]
    assert again(task).status == Status.COMPLETED
