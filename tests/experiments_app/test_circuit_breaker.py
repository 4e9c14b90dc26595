import pytest

from experiments_app.circuit_breaker import failures_needed, trip
from experiments_app.models import Experiment
from experiments_app.scheduler import advance
from experiments_app.task_log import path_of
from tasks_app.models import Task
from tests.experiments_app.specs import saved_task

Status = Experiment.Status


def run_of(*kinds: str, status: Status = Status.FAILED) -> list[Experiment]:
    """Failed experiments of these kinds, each with a configuration of its own; "" succeeded."""
    return [
        Experiment(
            number=number,
            parameters={"threads": number} if number else {},
            status=status if kind else Status.SUCCESS,
            error_kind=kind,
            error=f"{kind} in {number}",
        )
        for number, kind in enumerate(kinds)
    ]


def test_it_does_not_trip_before_anything_has_failed() -> None:
    assert trip([]) is None
    assert trip(run_of("cancelled", status=Status.CANCELLED)) is None


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("image_missing", 1),
        ("registry_refused", 1),
        ("model_broken", 2),
        ("tokenizer", 2),
        ("disk_full", 2),
        ("crashed", 3),
        ("bad_flag", 3),
        ("out_of_memory", 6),
        ("out_of_gpu_memory", 6),
    ],
)
def test_it_trips_at_the_number_that_goes_with_the_cause(kind: str, needed: int) -> None:
    assert failures_needed(kind) == needed
    assert trip(run_of(*[kind] * (needed - 1))) is None
    tripped = trip(run_of(*[kind] * needed))
    assert tripped is not None
    assert (tripped.kind, tripped.count, tripped.error) == (kind, needed, f"{kind} in 0")


@pytest.mark.parametrize("measured", [Status.SUCCESS, Status.PRUNED])
def test_it_never_trips_once_something_was_measured(measured: Status) -> None:
    experiments = run_of(*["model_broken"] * 20)
    experiments[3].status = measured
    assert trip(experiments) is None


def test_causes_that_change_do_not_trip_it() -> None:
    assert trip(run_of(*["crashed", "out_of_memory", "bad_flag"] * 4)) is None


def test_a_first_failure_of_another_kind_does_not_keep_the_run_going() -> None:
    tripped = trip(run_of("time_out", "crashed", "crashed", "crashed"))
    assert tripped is not None
    assert (tripped.count, tripped.error) == (3, "crashed in 1")


def test_one_configuration_that_fails_again_and_again_is_not_enough() -> None:
    experiments = run_of(*["model_broken"] * 5)
    for experiment in experiments:
        experiment.parameters = {"threads": 1}
    assert trip(experiments) is None


def wide_task() -> Task:
    task = saved_task(
        parameters={"threads": {"low": 1, "high": 100}}, optimization={"max_iterations": 20}
    )
    task.start()
    return task


def fail_all(task: Task, kind: str) -> int:
    """Every experiment of the run fails for this cause; how many there were."""
    while experiment := advance(task.pk):
        Experiment.objects.filter(pk=experiment.pk).update(
            status=Status.FAILED, error_kind=kind, error="the file is cut off"
        )
    task.refresh_from_db()
    return Experiment.objects.of_run(task).count()


@pytest.mark.django_db
def test_a_run_whose_experiments_all_fail_for_one_cause_is_stopped_with_that_cause() -> None:
    task = wide_task()
    assert fail_all(task, "model_broken") == 2
    assert task.status == Task.Status.FAILED
    assert task.message == (
        "2 of 21 experiments failed in a row (model broken) and nothing was measured, so the run"
        " was stopped: the rest would fail too. Mend the cause and start the task again."
        " It is this: the file is cut off"
    )
    assert "so the run was stopped" in path_of(task.pk).read_text()


@pytest.mark.django_db
def test_a_stopped_task_can_be_started_again() -> None:
    task = wide_task()
    fail_all(task, "image_missing")
    task.restart()
    assert advance(task.pk) is not None
