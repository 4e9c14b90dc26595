from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from tasks_app.models import Run, Task
from tests import factories
from tests.factories import completed_task, make_task, running_task

pytestmark = pytest.mark.django_db


def test_it_counts_the_baseline_and_the_plan() -> None:
    overview = TaskOverview.load(running_task())
    assert (overview.finished, overview.total) == (4, 13)


def test_it_plans_no_more_than_the_budget() -> None:
    task = make_task(optimization={"max_iterations": 5})
    assert TaskOverview.load(task).total == 6


def test_it_plans_only_what_constraints_allow() -> None:
    assert TaskOverview.load(make_task(constraints=["threads <= 1"])).total == 7


def test_it_counts_what_was_made_once_a_run_is_completed() -> None:
    assert TaskOverview.load(completed_task((50.0, 60.0))).total == 2


def test_it_knows_how_far_the_current_experiment_is() -> None:
    overview = TaskOverview.load(running_task())
    assert 4 / 13 < overview.fraction < 5 / 13


def test_it_is_whole_when_completed_and_partial_when_cancelled() -> None:
    assert TaskOverview.load(completed_task((50.0,))).fraction == 1
    assert TaskOverview.load(factories.cancelled_task()).fraction == pytest.approx(2 / 13)


def test_it_estimates_the_time_left_from_the_mean_so_far() -> None:
    task = running_task()
    now = timezone.now()
    Experiment.objects.filter(task=task, number__lt=4).update(
        started_at=now - timedelta(seconds=20), completed_at=now
    )
    overview = TaskOverview.load(task)
    left = 13 - 4 - overview.current_fraction
    assert overview.time_left_s == pytest.approx(20 * left, rel=0.01)


def test_it_estimates_nothing_before_there_is_a_pace() -> None:
    task = make_task()
    task.start()
    factories.begin(factories.make_experiment(task, 0), {"phase": "starting"})
    assert TaskOverview.load(task).time_left_s is None


def test_it_estimates_the_first_experiment_from_alike_ones_of_the_past() -> None:
    completed_task((50.0, 60.0))
    Experiment.objects.update(
        started_at=timezone.now() - timedelta(seconds=30), completed_at=timezone.now()
    )
    task = make_task()
    task.start()
    factories.begin(factories.make_experiment(task, 0), {"phase": "starting"})
    assert TaskOverview.load(task).time_left_s == pytest.approx(30 * 12.95, rel=0.01)


def test_it_learns_no_pace_from_another_load() -> None:
    completed_task((50.0,), benchmark={"traffic_scenarios": ["D(7,7)"], "num_concurrency": [1]})
    task = make_task()
    task.start()
    factories.begin(factories.make_experiment(task, 0), {"phase": "starting"})
    assert TaskOverview.load(task).time_left_s is None


def test_it_estimates_from_the_first_experiment_while_it_is_measured() -> None:
    task = make_task()
    task.start()
    progress = {
        "phase": "measuring",
        "level": 1,
        "levels": 1,
        "requests": 40,
        "requests_total": 100,
    }
    factories.begin(factories.make_experiment(task, 0), progress, seconds_ago=30)
    assert TaskOverview.load(task).time_left_s == pytest.approx(60 * 12.5, rel=0.01)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        ({"phase": "starting"}, "Baseline · starting"),
        ({"phase": "warming_up"}, "Baseline · warming up"),
        ({}, "Baseline · waiting for a worker"),
    ],
)
def test_it_says_what_happens_now(progress: dict[str, str], words: str) -> None:
    task = make_task()
    task.start()
    factories.begin(factories.make_experiment(task, 0), progress)
    assert TaskOverview.load(task).words == words


def test_it_waits_for_a_worker_before_the_first_experiment() -> None:
    task = make_task()
    task.start()
    assert TaskOverview.load(task).words == "Waiting for a worker"


def test_it_says_how_a_run_ended() -> None:
    words = TaskOverview.load(completed_task((50.0,))).words
    assert words == "Completed · 1 of 1 experiments succeeded"
    assert TaskOverview.load(factories.cancelled_task()).words == "Cancelled"


def test_it_finds_best_and_gain() -> None:
    overview = TaskOverview.load(completed_task((50.0, 60.0, 55.0)))
    assert overview.best is not None
    assert overview.best.number == 1
    assert overview.gain == pytest.approx(0.2)
    assert overview.beats_default


def test_it_takes_the_lower_score_where_less_is_better() -> None:
    task = completed_task((0.5, 0.25, 0.4), optimization={"objective": "minimize_ttft"})
    overview = TaskOverview.load(task)
    assert overview.best is not None
    assert overview.best.number == 1
    assert overview.gain == pytest.approx(1.0)


def test_it_gives_the_flags_of_the_best_as_a_shell_reads_them() -> None:
    task = completed_task((50.0, 60.0), fixed_parameters={"cache-type-k": "q8_0"})
    Experiment.objects.filter(task=task, number=1).update(
        parameters={"cache-type-k": "q8_0", "threads": 2, "cont-batching": False, "mlock": True}
    )
    overview = TaskOverview.load(task)
    flags = next(text.text for text in overview.answer_texts if text.title == "Flags")
    assert flags.startswith("--cache-type-k q8_0 --threads 2")
    assert "--mlock" in flags


def test_it_tells_what_differs_from_the_default() -> None:
    task = make_task(fixed_parameters={"ctx-size": 4096}, parameters={"threads": [1, 2]})
    task.start()
    factories.succeed(factories.make_experiment(task, 0, {"ctx-size": 4096}), 50.0)
    factories.succeed(factories.make_experiment(task, 1, {"ctx-size": 4096, "threads": 2}), 60.0)
    cells = {cell.name: cell for cell in TaskOverview.load(task).answer_cells}
    assert cells["threads"].differs
    assert not cells["ctx-size"].differs


def test_it_names_the_closest_where_nothing_is_feasible() -> None:
    overview = TaskOverview.load(factories.infeasible_task())
    assert overview.best is None
    assert overview.closest is not None
    assert overview.closest.number == 2
    assert "37% over the bound of 0.3 s" in overview.closest_miss


def test_it_shows_planned_rows_while_the_run_is_open() -> None:
    assert TaskOverview.load(running_task()).planned_numbers == range(5, 13)
    assert not TaskOverview.load(factories.cancelled_task()).planned_numbers


def test_it_shows_no_planned_rows_of_a_large_plan() -> None:
    task = make_task(
        parameters={"threads": {"low": 1, "high": 500}}, optimization={"max_iterations": 500}
    )
    assert not TaskOverview.load(task).planned_numbers


def test_it_keeps_runs_apart() -> None:
    task = completed_task((50.0, 60.0))
    task.restart()
    assert TaskOverview.load(task).experiments == ()
    assert len(TaskOverview.load(task, run=1).experiments) == 2
    with pytest.raises(Run.DoesNotExist):
        TaskOverview.load(task, run=3)


def test_it_shows_an_earlier_run_as_it_was_specified() -> None:
    task = completed_task((50.0,))
    spec = task.spec.model_copy(update={"description": "edited"})
    task.replace_spec(spec, version=task.version)
    assert TaskOverview.load(task).spec.description != "edited"


def test_it_follows_until_the_last_worker_has_let_go() -> None:
    task = running_task()
    task.cancel()
    assert TaskOverview.load(task).is_followed
    Experiment.objects.active().update(status="cancelled", owner_token="")
    assert not TaskOverview.load(task).is_followed


def test_it_asks_the_database_as_often_for_many_experiments_as_for_few() -> None:
    few, many = completed_task((50.0, 51.0)), completed_task()
    counts = []
    for task in (few, many):
        with CaptureQueriesContext(connection) as queries:
            overview = TaskOverview.load(Task.objects.get(pk=task.pk))
            assert overview.rows
            assert overview.words
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6
