from datetime import timedelta

import pytest
from django.utils import timezone

from experiments_app.task_list import summaries
from experiments_app.task_order import SORTS, ListOrder, ordered
from tasks_app.models import Task
from tests.factories import completed_task, infeasible_task, make_task, make_user

pytestmark = pytest.mark.django_db


def names(sort: str) -> list[str]:
    return [task.name for task in ordered(Task.objects.all(), sort)]


def test_it_sorts_by_gain_whichever_way_is_better() -> None:
    completed_task((50.0, 100.0), task_name="twice")
    faster = {"objective": "minimize_ttft", "strategy": "grid_search", "max_iterations": 12}
    completed_task((0.9, 0.3), task_name="three times", optimization=faster)
    completed_task((50.0, 40.0), task_name="none")
    infeasible_task()
    make_task()
    assert names("-gain")[:3] == ["three times", "twice", "none"]
    assert names("gain")[:3] == ["none", "twice", "three times"]


def test_it_sorts_by_the_gain_that_it_shows() -> None:
    for scores in ((50.0, 100.0, 70.0), (80.0, 60.0), (10.0, 15.0, 12.0)):
        completed_task(scores)
    shown = [s.gain for s in summaries(list(ordered(Task.objects.all(), "-gain")))]
    assert shown == sorted(shown, key=lambda gain: -(gain or 0))


def test_only_the_current_run_counts() -> None:
    completed_task((50.0, 60.0), task_name="once")
    again = completed_task((50.0, 500.0), task_name="again")
    again.restart()
    assert names("-gain") == ["once", "again"]


def test_it_sorts_by_how_long_the_run_took() -> None:
    now = timezone.now()
    for name, minutes in (("short", 1), ("long", 90), ("middle", 5)):
        task = completed_task((50.0,), task_name=name)
        Task.objects.filter(pk=task.pk).update(
            started_at=now - timedelta(minutes=minutes), completed_at=now
        )
    make_task(task_name="never")
    assert names("-elapsed") == ["long", "middle", "short", "never"]
    assert names("elapsed") == ["short", "middle", "long", "never"]


def test_it_sorts_names_as_people_do_and_owners_with_nobody_last() -> None:
    for name, user in (("beta", "bob"), ("Alpha", "ada"), ("gamma", None)):
        task = make_task(task_name=name)
        owner = make_user(user) if user else None
        Task.objects.filter(pk=task.pk).update(created_by=owner)
    assert names("name") == ["Alpha", "beta", "gamma"]
    assert names("owner") == ["Alpha", "beta", "gamma"]
    assert names("-owner") == ["beta", "Alpha", "gamma"]


@pytest.mark.parametrize("name", SORTS)
def test_every_sort_goes_both_ways_and_loses_nothing(name: str) -> None:
    for _ in range(3):
        make_task()
    assert sorted(names(name)) == sorted(names(f"-{name}"))
    assert len(names(name)) == 3


@pytest.mark.parametrize("sort", ["", "password", "--created", "created_by__password", "-"])
def test_what_is_no_sort_is_the_newest_first(sort: str) -> None:
    assert ListOrder.read({"sort": sort, "size": "100000"}) == ListOrder("-created", 25)


def test_a_column_head_turns_its_own_order() -> None:
    heads = {column.title: column for column in ListOrder.read({"sort": "-gain"}).columns}
    assert (heads["Gain"].aria_sort, heads["Gain"].link) == ("descending", "gain")
    assert (heads["Task"].aria_sort, heads["Task"].link) == ("", "name")
