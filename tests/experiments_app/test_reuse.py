"""What an earlier run of the task measured under the same conditions is not measured again."""

import math
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments_app import task_log
from experiments_app.lifecycle import restart_task
from experiments_app.models import Experiment, Measurement
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tests.factories import UNCONFIRMED, completed_task, edit, make_task, succeed

pytestmark = pytest.mark.django_db

GRID: dict[str, Any] = {
    "parameters": {"threads": [1, 2], "parallel": [1, 4]},
    "optimization": {"strategy": "grid_search", "max_iterations": 4},
}
SCORES = (60.0, 70.0, 80.0, 90.0, 100.0)


@pytest.fixture
def task() -> Task:
    """Its first run has measured everything."""
    return completed_task(SCORES, **GRID)


def restarted(task: Task, baseline: float = 61.0, **how: Any) -> Experiment | None:
    """What is run after the baseline of a new run."""
    restart_task(task, wake_consumer=False, **how)
    first = advance(task.pk)
    assert first is not None
    assert first.number == 0
    assert first.reused_from is None
    succeed(first, baseline)
    return advance(task.pk)


def of_run(task: Task, run: int) -> list[Experiment]:
    return list(Experiment.objects.of_run(task, run).order_by("number"))


def log_of(task: Task) -> str:
    return task_log.path_of(task.pk).read_text()


def test_a_run_that_can_take_over_everything_measures_the_baseline_alone(task: Task) -> None:
    assert restarted(task) is None
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED
    assert task.message == "5 of 5 experiments succeeded, 4 of them reused from earlier runs"


def test_what_is_taken_over_has_the_figures_and_names_its_source(task: Task) -> None:
    restarted(task)
    before = {str(e.parameters): e for e in of_run(task, 1)}
    for experiment in of_run(task, 2)[1:]:
        source = before[str(experiment.parameters)]
        assert experiment.reused_from == source
        assert experiment.objective_score == pytest.approx(source.objective_score)
        figures = ("scenario", "concurrency", "output_tokens_per_s", "ttft_p99_s")
        assert list(experiment.measurements.values(*figures)) == list(
            source.measurements.values(*figures)
        )
    assert "reused from run 1 #" in log_of(task)


def test_it_is_scored_by_what_the_task_promises_now(task: Task) -> None:
    edit(task, slo={"ttft_p99_s": 0.1})
    restarted(task)
    second = of_run(task, 2)[1]
    assert second.reused_from is not None
    assert second.feasible is False
    assert second.slo_excess is not None


def test_nothing_is_taken_over_when_the_baseline_is_not_what_it_was(task: Task) -> None:
    experiment = restarted(task, baseline=66.0)
    assert experiment is not None
    assert experiment.status == Experiment.Status.PENDING
    assert "nothing of run 1 is reused: its baseline came to 60, this one to 66 (+10.0%)" in (
        log_of(task)
    )


def test_nothing_is_taken_over_by_a_run_that_is_to_measure_everything(task: Task) -> None:
    experiment = restarted(task, reuse=False)
    assert experiment is not None
    assert experiment.status == Experiment.Status.PENDING


@pytest.mark.parametrize(
    "change",
    [
        {"optimization": GRID["optimization"] | {"reuse": False}},
        {"optimization": GRID["optimization"] | {"seed": 7}},
        {"benchmark": {"traffic_scenarios": ["D(100,50)"], "num_concurrency": [4]}},
        {"environment": {"OMP_NUM_THREADS": "1"}},
        {"fixed_parameters": {"ctx-size": 512}},
        {"model": {"id_or_path": "/models/other.gguf"}},
    ],
)
def test_nothing_is_taken_over_under_other_conditions(task: Task, change: dict[str, Any]) -> None:
    edit(task, **change)
    task.restart()
    first = advance(task.pk)
    assert first is not None
    succeed(first, 60.0)
    experiment = advance(task.pk)
    assert experiment is not None
    assert experiment.status == Experiment.Status.PENDING


def test_nothing_is_taken_over_from_another_version_of_the_engine(task: Task) -> None:
    Experiment.objects.of_run(task, 1).update(engine_version="older")
    assert restarted(task) is not None
    assert "another engine or machine" in log_of(task)


def test_what_failed_is_tried_again(task: Task) -> None:
    of_first = Experiment.objects.of_run(task, 1).filter(number=3)
    of_first.update(status="failed", objective_score=None, feasible=None, error_kind="crashed")
    experiment = restarted(task)
    assert experiment is not None
    assert experiment.status == Experiment.Status.PENDING
    assert experiment.parameters == of_first.get().parameters


def test_a_wider_space_is_measured_where_it_is_new(task: Task) -> None:
    edit(
        task,
        parameters={"threads": [1, 2], "parallel": [1, 4, 8]},
        optimization={"strategy": "grid_search", "max_iterations": 6} | UNCONFIRMED,
    )
    seen = []
    experiment = restarted(task)
    while experiment is not None:
        seen.append(experiment.parameters["parallel"])
        succeed(experiment, 50.0)
        experiment = advance(task.pk)
    assert seen == [8, 8]
    assert len(of_run(task, 2)) == 7


def test_what_was_taken_over_is_found_at_its_own_source_by_a_third_run(task: Task) -> None:
    restarted(task)
    task.refresh_from_db()
    assert restarted(task, baseline=60.0) is None
    sources = {e.reused_from.run for e in of_run(task, 3)[1:] if e.reused_from}
    assert sources == {1}


def test_the_earlier_run_is_read_once_however_much_is_taken_over(task: Task) -> None:
    restart_task(task, wake_consumer=False)
    first = advance(task.pk)
    assert first is not None
    succeed(first, 61.0)
    with CaptureQueriesContext(connection) as queries:
        assert advance(task.pk) is None
    told = [query["sql"] for query in queries if '"reused_from_id" IS NULL' in query["sql"]]
    assert len(of_run(task, 2)) == 5
    assert len(told) == 2  # once for the log, once for the search


def test_what_the_earlier_run_measured_on_another_engine_is_measured_again(task: Task) -> None:
    Experiment.objects.of_run(task, 1).filter(number__gt=0).update(engine_version="older")
    experiment = restarted(task)
    assert experiment is not None
    assert experiment.status == Experiment.Status.PENDING


def test_a_doubled_wake_up_copies_nothing_twice(task: Task) -> None:
    restarted(task)
    task.refresh_from_db()
    assert advance(task.pk) is None
    assert len(of_run(task, 2)) == 5
    for experiment in of_run(task, 2):
        assert Measurement.objects.filter(experiment=experiment).count() == 1


def test_a_task_that_never_ran_takes_over_nothing() -> None:
    task = make_task(**GRID)
    task.start()
    first = advance(task.pk)
    assert first is not None
    succeed(first, 60.0)
    experiment = advance(task.pk)
    assert experiment is not None
    assert experiment.reused_from is None


def test_what_is_taken_over_has_the_values_of_the_objectives_that_the_task_names_now(
    task: Task,
) -> None:
    edit(task, optimization=GRID["optimization"] | {"objectives": ["throughput", "ttft_mean"]})
    restarted(task)
    second = of_run(task, 2)[1]
    level = second.measurements.get()
    assert second.reused_from is not None
    assert second.scores == {
        "throughput": pytest.approx(level.output_tokens_per_s),
        "ttft_mean": pytest.approx(level.ttft_mean_s),
    }


@pytest.fixture
def worst_case() -> Task:
    """A task of two scenarios whose first run has measured everything."""
    load = {"traffic_scenarios": ["D(100,50)", "D(900,9)"], "num_concurrency": [1]}
    optimization = GRID["optimization"] | {"across_scenarios": "worst_case"}
    return completed_task(SCORES, **(GRID | {"benchmark": load, "optimization": optimization}))


def rates_of(experiment: Experiment) -> dict[str, float]:
    levels = experiment.measurements.all()
    return {level.scenario: level.output_tokens_per_s or 0.0 for level in levels}


def test_in_the_worst_case_it_is_compared_with_the_default_as_measured_now(
    worst_case: Task,
) -> None:
    assert restarted(worst_case, baseline=61.0) is None
    baseline, *reused = of_run(worst_case, 2)
    default = rates_of(baseline)
    mean = math.prod(default.values()) ** 0.5
    for experiment in reused:
        worst = min(rate / default[name] for name, rate in rates_of(experiment).items())
        assert experiment.reused_from is not None
        assert experiment.objective_score == pytest.approx(worst * mean)


def test_in_the_worst_case_it_is_measured_again_where_a_level_had_been_left_out(
    worst_case: Task,
) -> None:
    """Another level may be the one that counts now."""
    source = of_run(worst_case, 1)[1]
    source.measurements.filter(scenario="D(900,9)").delete()
    experiment = restarted(worst_case, baseline=60.0)
    assert experiment is not None
    assert experiment.status == Experiment.Status.PENDING
    assert experiment.parameters == source.parameters
