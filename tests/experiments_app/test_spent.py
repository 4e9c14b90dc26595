"""What a run is planned to cost, and what it has cost."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from experiments_app.models import Experiment
from experiments_app.plan import make_plan
from experiments_app.results import RunResults
from experiments_app.spent import Spent
from tasks_app.models import Task
from tests.experiments_app.specs import saved_task
from tests.factories import completed_task, make_task, running_task, with_usage
from tests.pages import text_of

pytestmark = pytest.mark.django_db


def spent_of(task: Task) -> Spent:
    return Spent.of(task.experiments.all(), now=timezone.now())


def test_it_counts_experiments_by_what_became_of_them() -> None:
    spent = spent_of(running_task())
    assert (spent.measured, spent.failed, spent.cancelled) == (3, 1, 0)
    assert spent.counts_words == "3 measured, 1 failed"


def test_it_sums_the_time_by_phase_and_counts_what_is_under_way() -> None:
    spent = spent_of(running_task())
    assert spent.phases_s["start"] == pytest.approx(3 * 1.4)
    assert spent.phases_s["measure"] == pytest.approx(3 * 28.9)
    assert spent.engine_s == pytest.approx(3 * 38 + 6 + 20, abs=2)


def test_asking_for_answers_is_a_phase_of_its_own() -> None:
    task = completed_task((50.0, 60.0))
    task.experiments.filter(number=1).update(quality={"seconds": 4.5})
    assert spent_of(task).phases_words.endswith("4 s comparing answers, 58 s measuring")
    data = RunResults(task).to_data()["experiments"]
    assert [one["phases_s"]["quality"] for one in data] == [None, 4.5]


def test_what_was_reused_has_cost_nothing() -> None:
    task = completed_task((50.0, 60.0))
    task.experiments.filter(number=1).update(quality={"seconds": 4.5})
    first, second = task.experiments.order_by("number")
    Experiment.objects.filter(pk=second.pk).update(reused_from=first)
    spent = spent_of(task)
    assert (spent.measured, spent.reused) == (1, 1)
    assert spent.phases_s["quality"] == 0
    assert spent.engine_s == pytest.approx(38, abs=1)


def test_gpu_hours_count_every_gpu_that_was_held() -> None:
    task = completed_task((50.0, 60.0))
    with_usage(task.experiments.get(number=0), ("GPU-a", "GPU-b"))
    assert spent_of(task).gpu_hours == pytest.approx(2 * 38 / 3600, abs=0.001)


def test_results_tell_what_was_spent_with_the_time_of_the_run() -> None:
    task = completed_task((50.0, 60.0))
    task.runs.update(started_at=timezone.now() - timedelta(seconds=100), paused_s=30.0)
    told = RunResults(task).to_data()["spent"]
    assert told["measured"] == 2
    assert told["wall_s"] == pytest.approx(70, abs=3)
    assert set(told["phases_s"]) == {"pull", "start", "warm_up", "quality", "measure", "stop"}


def test_the_page_tells_plan_and_spent(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{running_task().pk}/"))
    assert "4 of 13 planned: 3 measured, 1 failed" in text
    assert "for experiments" in text


def test_a_task_that_was_not_started_tells_its_plan(browser: Client) -> None:
    assert "nothing like it was measured here yet" in text_of(
        browser.get(f"/tasks/{make_task().pk}/")
    )
    past = completed_task((50.0, 60.0, 70.0))
    Experiment.objects.filter(task=past, number=0).update(
        completed_at=timezone.now() + timedelta(seconds=30)
    )
    text = text_of(browser.get(f"/tasks/{make_task().pk}/"))
    assert "13, the baseline included" in text
    assert "in nine of ten cases" in text


def test_the_range_of_the_plan_holds_its_estimate() -> None:
    task = saved_task()
    for number, took_s in enumerate((20, 30, 40, 50)):
        Experiment.objects.create(
            task=task,
            run=1,
            number=number,
            status="success",
            objective_score=1.0,
            feasible=True,
            started_at=timezone.now() - timedelta(seconds=took_s),
            completed_at=timezone.now(),
        )
    plan = make_plan(task.spec)
    assert plan.estimated_s is not None
    assert plan.estimated_s == pytest.approx(3 * 35, abs=1)
    assert plan.estimated_range_s is not None
    low, high = plan.estimated_range_s
    assert 60 <= low < plan.estimated_s < high < 210
    assert plan.to_data()["gpu_hours"] == 0
