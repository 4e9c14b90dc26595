"""What a run learns from: what ended before it, kept as the run starts."""

from typing import Any

import pytest

from experiments_app.lifecycle import restart_task, start_task
from experiments_app.models import Experiment
from experiments_app.recollection import MOST_TASKS, MOST_TRIALS, memory_of, sources_of
from experiments_app.scheduler import advance
from tasks_app.models import Run, Task
from tests.factories import completed_task, fail, make_task, succeed

pytestmark = pytest.mark.django_db

AUTO = {"strategy": "auto", "max_iterations": 12}
SPACE = {"threads": [1, 2, 3, 4], "parallel": [1, 2, 4, 8]}
BEST = {"threads": 4, "parallel": 1}


def score_of(parameters: dict[str, Any]) -> float:
    if not parameters:
        return 50.0
    return 200.0 if parameters == BEST else 100.0 - 5 * parameters["parallel"]


def past_task(**changes: Any) -> Task:
    """Everything in its space was measured; one configuration is twice as good as any other."""
    return completed_task((), **({"parameters": SPACE} | changes))


def measured(task: Task) -> Task:
    grid = [{"threads": t, "parallel": p} for t in SPACE["threads"] for p in SPACE["parallel"]]
    for number, parameters in enumerate([{}, *grid]):
        experiment = Experiment.objects.create(
            task=task, run=1, number=number, parameters=parameters
        )
        succeed(experiment, score_of(parameters))
    return task


def started(**changes: Any) -> Run:
    task = make_task(**({"parameters": SPACE, "optimization": AUTO} | changes))
    start_task(task, wake_consumer=False)
    return task.runs.get()


def first_after_baseline(run: Run) -> Experiment:
    first = advance(run.task_id)
    assert first is not None
    succeed(first, 50.0)
    second = advance(run.task_id)
    assert second is not None
    return second


def names(run: Run) -> list[str]:
    return [source.name for source in sources_of(run)]


def test_a_run_starts_with_what_was_best_in_a_like_task_and_says_so() -> None:
    measured(past_task())
    second = first_after_baseline(started())
    assert second.parameters == BEST
    assert second.reason == "best in 1 similar task"


def test_it_gives_way_when_the_first_results_disagree() -> None:
    measured(past_task())
    run = started()
    experiment: Experiment | None = first_after_baseline(run)
    tried: list[dict[str, Any]] = []
    while experiment is not None and len(tried) < 9:
        tried.append(experiment.parameters)
        wrong = experiment.parameters == BEST or experiment.parameters["threads"] == 4
        succeed(experiment, 10.0 if wrong else 10.0 * experiment.parameters["parallel"])
        experiment = advance(run.task_id)
    assert tried[0] == BEST
    assert max(p["parallel"] for p in tried if p["threads"] < 4) == 8


def test_what_is_known_is_kept_when_its_source_is_deleted_or_another_task_ends() -> None:
    past = measured(past_task())
    run = started()
    kept = memory_of(run)
    past.delete()
    measured(past_task())
    run.refresh_from_db()
    assert memory_of(run) == kept
    assert sources_of(run)[0].task is None
    assert first_after_baseline(run).parameters == BEST


def test_a_task_that_is_not_to_learn_knows_nothing() -> None:
    measured(past_task())
    run = started(optimization=AUTO | {"learn": False})
    assert memory_of(run).tasks == ()


@pytest.mark.parametrize(
    "past",
    [
        {"optimization": {"objective": "minimize_ttft", "strategy": "auto"}},
        {"parameters": {"ubatch-size": [64, 512]}},
    ],
)
def test_it_does_not_learn_from_what_cannot_be_compared(past: dict[str, Any]) -> None:
    completed_task((50.0, 60.0), **past)
    assert names(started()) == []


def test_it_does_not_learn_from_what_has_not_ended() -> None:
    task = make_task(parameters=SPACE)
    task.start()
    measured(task)
    assert names(started()) == []


def test_it_learns_from_the_most_alike_first_and_not_from_too_many() -> None:
    unlike = measured(past_task(model={"id_or_path": "/models/other.gguf"}))
    alike = [measured(past_task()) for _ in range(MOST_TASKS)]
    found = names(started())
    assert sorted(found) == sorted(task.name for task in alike)
    assert unlike.name not in found


def test_of_a_long_run_it_keeps_the_best_and_some_of_the_others() -> None:
    past = past_task(parameters={"threads": {"low": 1, "high": 500}})
    rows = [
        Experiment(
            task=past,
            run=1,
            number=n,
            parameters={"threads": n},
            status="success",
            feasible=True,
            objective_score=float(n),
        )
        for n in range(1, 301)
    ]
    Experiment.objects.bulk_create(rows)
    trials = memory_of(started()).tasks[0].trials
    assert len(trials) == MOST_TRIALS
    assert {300, 299, 298} <= {trial.parameters["threads"] for trial in trials}


def test_it_learns_what_crashed_but_not_what_had_another_cause() -> None:
    past = past_task()
    for number, kind in enumerate(("out_of_memory", "network"), start=1):
        parameters = {"threads": number, "parallel": 8}
        experiment = Experiment.objects.create(
            task=past, run=1, number=number, parameters=parameters
        )
        fail(experiment, kind)
    trials = memory_of(started()).tasks[0].trials
    assert [(t.status, t.parameters["threads"]) for t in trials] == [("failed", 1)]


def test_what_broke_another_slo_says_nothing() -> None:
    past = past_task(slo={"ttft_p99_s": 0.1})
    for number, score in enumerate((None, 70.0), start=1):
        parameters = {"threads": number, "parallel": 8}
        experiment = Experiment.objects.create(
            task=past, run=1, number=number, parameters=parameters
        )
        succeed(experiment, score, slo_excess=None if score else 0.5)
    other = memory_of(started()).tasks[0].trials
    same = memory_of(started(slo={"ttft_p99_s": 0.1})).tasks[0].trials
    assert (len(other), len(same)) == (1, 2)


def test_a_restart_learns_from_the_run_before() -> None:
    task = measured(past_task(optimization=AUTO))
    restart_task(task, wake_consumer=False, reuse=False)
    run = task.runs.get(number=2)
    assert [(s.name, s.run) for s in sources_of(run)] == [(task.name, 1)]
    assert first_after_baseline(run).parameters == BEST
