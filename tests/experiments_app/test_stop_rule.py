"""When a run ends before its budget, and what its page says of what may still be gained."""

from typing import Any

import pytest
from django.test import Client

from experiments_app import lifecycle, stop_rule
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from experiments_app.scheduler import advance
from tasks_app.models import Run, Task
from tasks_app.strategies.outlook import FEWEST_EXPERIMENTS
from tests.experiments_app.specs import saved_task
from tests.pages import text_of

pytestmark = pytest.mark.django_db
Status = Task.Status
WIDE = {"threads": list(range(1, 9)), "parallel": [1, 2, 4, 8]}


def started(**optimization: Any) -> Task:
    task = saved_task(
        parameters=WIDE, optimization={"strategy": "auto", "max_iterations": 30} | optimization
    )
    task.start(gpus=0)
    return task


def measure(task: Task, most: int = 100) -> int:
    """The best is 4 threads and 8 slots; how many were measured."""
    count = 0
    while count < most and (experiment := advance(task.pk)):
        threads = experiment.parameters.get("threads", 1)
        slots = experiment.parameters.get("parallel", 1)
        score = 100.0 + 20 * slots - 8 * (threads - 4) ** 2
        Experiment.objects.filter(pk=experiment.pk).update(
            status="success", objective_score=max(score, 5.0), feasible=True
        )
        count += 1
    return count


def run_of(task: Task) -> Run:
    return task.runs.get()


def test_it_ends_the_run_once_a_gain_is_unlikely_and_says_so() -> None:
    task = started(stop_when_gain_below=0.02)
    count = measure(task)
    task.refresh_from_db()
    assert 1 + FEWEST_EXPERIMENTS < count < 31
    assert task.status == Status.COMPLETED
    assert task.message.startswith("stopped: the chance of a further gain above 2 % is ")
    best = task.experiments.order_by("-objective_score")[0]
    assert best.parameters == {"threads": 4, "parallel": 8}


@pytest.mark.parametrize("strategy", ["random", "grid_search", "bayesian"])
def test_it_looks_ahead_whatever_the_strategy(strategy: str) -> None:
    task = started(strategy=strategy, stop_when_gain_below=0.02, max_iterations=6)
    measure(task)
    outlook = stop_rule.Outlook.of_run(run_of(task))
    assert outlook is not None
    assert outlook.chance is not None
    assert 0 <= outlook.chance <= 1


def test_without_the_key_the_whole_budget_is_spent_and_the_outlook_kept() -> None:
    task = started(max_iterations=12)
    assert measure(task) == 13
    outlook = stop_rule.Outlook.of_run(run_of(task))
    assert outlook is not None
    assert (outlook.ended, outlook.more, outlook.gain) == (13, 10, 0.02)


def test_a_run_that_was_extended_is_not_stopped_again() -> None:
    task = started(stop_when_gain_below=0.02)
    count = measure(task)
    task.refresh_from_db()
    lifecycle.extend_task(task, more=3, wake_consumer=False)
    assert measure(task) == 3
    assert task.experiments.count() == count + 3


def test_the_outlook_is_worked_out_once_for_each_experiment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = started()
    measure(task, most=5)
    asked: list[int] = []

    def ask(*_: object, **__: object) -> float:
        asked.append(1)
        return 0.5

    monkeypatch.setattr(stop_rule, "chance_of_gain", ask)
    for _ in range(3):
        advance(task.pk)
        Experiment.objects.filter(status="pending").delete()
    TaskOverview.load(task)
    assert asked == [1]


def test_several_objectives_have_no_single_gain() -> None:
    task = started(objectives=["throughput", "ttft_mean"], max_iterations=4)
    measure(task)
    assert run_of(task).outlook is None


def test_the_page_tells_the_outlook_while_it_runs_and_after(browser: Client) -> None:
    task = started(max_iterations=8)
    measure(task, most=6)
    advance(task.pk)
    text = text_of(browser.get(f"/tasks/{task.pk}/"))
    assert "that the 3 experiments to come gain more than 2%" in text
    measure(task)
    text = text_of(browser.get(f"/tasks/{task.pk}/"))
    assert "that 10 more gain more than 2%" in text
