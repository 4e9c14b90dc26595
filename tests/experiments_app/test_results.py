import json
from typing import Any

import pytest

from experiments_app.models import Experiment
from experiments_app.results import RunResults
from tasks_app.models import Task
from tests.experiments_app.specs import saved_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    task = saved_task()
    task.start()
    return task


def add(task: Task, score: float | None, status: str = "success", **fields: Any) -> Experiment:
    number = Experiment.objects.of_run(task).count()
    feasible = (score is not None) if status == "success" else None
    return Experiment.objects.create(
        task=task,
        run=task.run,
        number=number,
        status=status,
        objective_score=score,
        feasible=feasible,
        **fields,
    )


def test_the_best_has_the_highest_throughput(task: Task) -> None:
    add(task, 100.0)
    best = add(task, 131.0)
    add(task, 120.0)
    task.complete()
    results = RunResults(task)
    assert results.best == best
    assert results.gain == pytest.approx(0.31)
    told = "experiment 1 is better than the default by 31.0%"
    assert results.verdict == f"{told}; not confirmed: the task asks for no final"


def test_the_best_has_the_lowest_latency() -> None:
    task = saved_task(optimization={"objective": "minimize_latency"})
    task.start()
    add(task, 2.0)
    best = add(task, 1.0)
    results = RunResults(task)
    assert results.best == best
    assert results.gain == pytest.approx(1.0)


def test_a_tie_goes_to_the_lower_number(task: Task) -> None:
    first = add(task, 100.0)
    add(task, 100.0)
    assert RunResults(task).best == first
    assert RunResults(task).verdict == "nothing beats the default"


def test_a_crash_or_an_infeasible_one_is_never_the_best(task: Task) -> None:
    add(task, None, "failed", error_kind="crashed", error="x")
    add(task, None, slo_excess=0.5)
    good = add(task, 1.0)
    assert RunResults(task).best == good


def test_when_nothing_is_feasible_the_closest_is_named(task: Task) -> None:
    add(task, None, slo_excess=0.5)
    add(task, None, slo_excess=0.2)
    results = RunResults(task)
    assert results.best is None
    assert results.gain is None
    assert "nothing meets the SLO; experiment 1 is the closest" in results.verdict


def test_without_a_success_nothing_was_measured(task: Task) -> None:
    add(task, None, "failed", error_kind="crashed", error="x")
    assert RunResults(task).verdict == "nothing was measured"


def test_a_baseline_that_is_infeasible_gives_no_gain(task: Task) -> None:
    add(task, None, slo_excess=0.5)
    add(task, 10.0)
    results = RunResults(task)
    assert results.gain is None
    assert results.verdict == "experiment 1 is the best; the default misses the SLO"


def test_a_baseline_that_crashed_is_not_said_to_miss_the_slo(task: Task) -> None:
    add(task, None, "failed", error_kind="crashed", error="x")
    add(task, 10.0)
    assert RunResults(task).verdict == "experiment 1 is the best; the default could not be measured"


def test_the_default_alone_beats_nothing(task: Task) -> None:
    add(task, 10.0)
    assert RunResults(task).verdict == "only the default was measured"


def test_a_verdict_on_client_bound_figures_says_so(task: Task) -> None:
    add(task, 10.0)
    best = add(task, 12.0)
    assert "load client" not in RunResults(task).verdict
    best.measurements.create(
        scenario="D(1,2)", concurrency=256, num_requests=4, duration_s=1.0, client_bound=True
    )
    assert "; but the load client" in RunResults(task).verdict


def test_runs_are_never_mixed(task: Task) -> None:
    add(task, 500.0)
    task.complete()
    task.restart()
    add(task, 100.0)
    assert [e["objective_score"] for e in RunResults(task).to_data()["experiments"]] == [100.0]
    assert [e["objective_score"] for e in RunResults(task, 1).to_data()["experiments"]] == [500.0]


def test_the_data_is_json_without_surprises(task: Task) -> None:
    add(task, 100.0)
    data = RunResults(task).to_data()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
