"""What has ended of a long run is read once, and what changes is seen all the same."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments_app import kept
from experiments_app.overview import TaskOverview
from tasks_app.models import Task
from tests.chart_factories import run_of
from tests.factories import completed_task, running_task, succeed

pytestmark = pytest.mark.django_db


@pytest.fixture
def _short_runs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_FROM", 1)


def states(task: Task) -> list[str]:
    overview = TaskOverview.load(Task.objects.get(pk=task.pk))
    return [experiment.status for experiment in overview.experiments]


def queries_of(task: Task) -> int:
    with CaptureQueriesContext(connection) as captured:
        TaskOverview.load(task)
    return len(captured)


def test_it_reads_what_has_ended_of_a_long_run_once() -> None:
    task = run_of(kept.KEPT_FROM)
    assert queries_of(task) - queries_of(task) == 1


def test_it_reads_a_short_run_anew() -> None:
    task = completed_task()
    assert queries_of(task) == queries_of(task)


@pytest.mark.usefixtures("_short_runs_too")
def test_it_sees_what_ends_meanwhile() -> None:
    task = running_task()
    assert states(task)[-1] == "benchmarking"
    succeed(task.experiments.get(number=4), 47.0)
    assert states(task) == ["success", "success", "success", "failed", "success"]


@pytest.mark.usefixtures("_short_runs_too")
def test_it_sees_what_is_tried_again() -> None:
    task = running_task()
    assert states(task)[3] == "failed"
    task.experiments.get(number=3).requeue()
    assert states(task)[3] == "pending"


@pytest.mark.usefixtures("_short_runs_too")
def test_it_keeps_tasks_apart() -> None:
    first, second = completed_task((50.0, 60.0)), completed_task((70.0,))
    assert len(states(first)) == 2
    assert len(states(second)) == 1
