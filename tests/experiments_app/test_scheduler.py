from typing import Any

import pytest

from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from experiments_app.scheduler import advance, planned_experiments, search_space
from experiments_app.waiting import waiting_reason
from tasks_app.models import Task
from tasks_app.spec import TaskSpec
from tests.experiments_app.fake_nvml import install_gpus
from tests.experiments_app.specs import saved_task, task_data

pytestmark = pytest.mark.django_db
Status = Experiment.Status


@pytest.fixture
def task() -> Task:
    task = saved_task()
    task.start()
    return task


def end(experiment: Experiment | None, status: Status = Status.SUCCESS, **changes: Any) -> None:
    assert experiment is not None
    if status is Status.SUCCESS:
        changes = {"objective_score": 1.0, "feasible": True} | changes
    Experiment.objects.filter(pk=experiment.pk).update(status=status, **changes)


def test_the_first_experiment_is_the_baseline(task: Task) -> None:
    experiment = advance(task.pk)
    assert experiment is not None
    assert (experiment.number, experiment.parameters) == (0, {})


def test_the_baseline_has_the_fixed_parameters() -> None:
    task = saved_task(fixed_parameters={"ctx-size": 512})
    task.start()
    first = advance(task.pk)
    end(first)
    second = advance(task.pk)
    assert first is not None
    assert first.parameters == {"ctx-size": 512}
    assert second is not None
    assert set(second.parameters) == {"ctx-size", "threads"}


def test_asking_twice_gives_the_same_experiment(task: Task) -> None:
    first, second = advance(task.pk), advance(task.pk)
    assert first is not None
    assert first == second
    assert Experiment.objects.count() == 1


def test_it_tries_the_whole_space_and_then_completes(task: Task) -> None:
    tried = []
    while experiment := advance(task.pk):
        tried.append(experiment.parameters.get("threads"))
        end(experiment)
    assert tried[0] is None
    assert sorted(tried[1:]) == [1, 2]
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED
    assert task.completed_at is not None


def test_it_stops_at_the_budget() -> None:
    task = saved_task(parameters={"threads": {"low": 1, "high": 100}})
    task.start()
    count = 0
    while experiment := advance(task.pk):
        end(experiment)
        count += 1
    assert count == 1 + 2  # baseline and max_iterations


def test_a_task_without_a_success_fails_for_the_commonest_cause(task: Task) -> None:
    for kind in ("crashed", "out_of_memory", "out_of_memory"):
        end(advance(task.pk), Status.FAILED, error_kind=kind, error=f"it was {kind}")
    assert advance(task.pk) is None
    task.refresh_from_db()
    assert task.status == Task.Status.FAILED
    assert task.message == "2 of 3 experiments failed (out_of_memory): it was out_of_memory"


def test_one_success_completes_the_task(task: Task) -> None:
    end(advance(task.pk), Status.FAILED, error_kind="crashed", error="x")
    end(advance(task.pk), objective_score=None, feasible=False)
    end(advance(task.pk), Status.FAILED, error_kind="crashed", error="x")
    assert advance(task.pk) is None
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED


def test_a_cancelled_task_gets_no_more_experiments(task: Task) -> None:
    end(advance(task.pk))
    task.cancel()
    assert advance(task.pk) is None
    assert Experiment.objects.count() == 1


def test_a_new_run_starts_from_nothing_and_leaves_the_old_one(task: Task) -> None:
    while experiment := advance(task.pk):
        end(experiment)
    task.refresh_from_db()
    task.restart()
    first = advance(task.pk)
    assert first is not None
    assert (first.run, first.number) == (2, 0)
    assert Experiment.objects.filter(run=1).count() == 3


def test_planned_experiments_are_bounded_by_space_and_budget() -> None:
    small = saved_task(task_name="a", optimization={"max_iterations": 50})
    large = saved_task(task_name="b", parameters={"threads": {"low": 1, "high": 500}})
    assert planned_experiments(small.spec) == 3
    assert planned_experiments(large.spec) == 3


def test_a_task_whose_next_step_cannot_be_told_fails_and_says_why(task: Task) -> None:
    run = task.runs.get()
    run.spec["optimization"]["strategy"] = "of a later version"
    run.save()
    assert advance(task.pk) is None
    task.refresh_from_db()
    assert task.status == Task.Status.FAILED
    assert "optimization.strategy" in task.message


def test_a_task_of_a_runtime_that_is_not_here_can_still_be_planned() -> None:
    task = saved_task(base_runtime="gone", parameters={"any-flag": [1, 2, 3]})
    assert planned_experiments(task.spec) == 3


def test_a_task_for_gpus_is_planned_whole_where_none_is_seen() -> None:
    data = task_data(base_runtime="vllm", parameters={"max-num-seqs": [1, 2, 4]})

    assert search_space(TaskSpec.from_data(data)).size() == 3


@pytest.mark.parametrize("left", [0, 1])
def test_a_run_keeps_its_space_when_gpus_go_away(
    monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    install_gpus(monkeypatch, 4)
    task = saved_task(
        base_runtime="vllm",
        parameters={"tensor-parallel-size": [1, 2, 4, 8]},
        optimization={"strategy": "grid_search", "max_iterations": 9},
    )
    task.start(gpus=4)
    end(advance(task.pk))

    install_gpus(monkeypatch, left)
    reasons = {}
    while experiment := advance(task.pk):
        reasons[experiment.parameters["tensor-parallel-size"]] = waiting_reason(experiment)
        assert TaskOverview.load(task).planned == 4
        end(experiment)
    assert sorted(reasons) == [1, 2, 4]
    assert reasons[4].startswith("waits for 4 GPUs: this machine has ")
