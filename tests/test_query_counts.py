"""Every page asks the database as often for many tasks and experiments as for few."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments_app.charts.registry import CHARTS
from tasks_app.models import Task
from tests.chart_factories import run_of
from tests.factories import SCORES, make_user, running_task
from tests.finals import LEADERS, ROUNDS, confirmed_task, measured_again

pytestmark = pytest.mark.django_db
FEW, MANY = 2, 12
Page = Callable[[Task, Task], str]
"""The address of a page, given an ended and a running task."""

PAGES: dict[str, Page] = {
    "list": lambda _, __: "/",
    "list, by gain": lambda _, __: "/?sort=-gain",
    "list, search": lambda _, __: "/?q=a&status=completed",
    "list, its rows": lambda _, __: "/tasks/rows",
    "running task": lambda _, running: f"/tasks/{running.pk}/",
    "ended task": lambda ended, _: f"/tasks/{ended.pk}/",
    "ended task, sorted by a metric": lambda ended, _: f"/tasks/{ended.pk}/?sort=-ttft_p99_s",
    "ended task, sorted by gain": lambda ended, _: f"/tasks/{ended.pk}/?sort=gain&status=success",
    "history": lambda ended, _: f"/tasks/{ended.pk}/history",
    "edit": lambda ended, _: f"/tasks/{ended.pk}/edit",
    "delete": lambda ended, _: f"/tasks/{ended.pk}/delete",
    "new": lambda _, __: "/tasks/new",
    "report": lambda ended, _: f"/tasks/{ended.pk}/report",
    "charts": lambda ended, _: f"/tasks/{ended.pk}/charts/",
    "experiments compared": lambda ended, _: f"/tasks/{ended.pk}/compare?experiment=0&experiment=1",
    "tasks compared": lambda ended, running: f"/compare?run={ended.pk}.1&run={running.pk}.1",
    "experiment": lambda ended, _: f"/experiments/{ended.experiments.get(number=1).pk}/",
    "presets": lambda _, __: "/presets/",
    "datasets": lambda _, __: "/datasets/",
    "system": lambda _, __: "/system/",
    "help": lambda _, __: "/help/",
    "tokens": lambda _, __: "/account/tokens",
    "API, tasks": lambda _, __: "/api/v1/tasks?limit=200",
    "API, experiments": lambda ended, _: f"/api/v1/tasks/{ended.pk}/experiments",
    "API, results": lambda ended, _: f"/api/v1/tasks/{ended.pk}/results",
    "admin": lambda _, __: "/admin/",
    "admin, tasks": lambda _, __: "/admin/tasks_app/task/",
    "admin, runs": lambda _, __: "/admin/tasks_app/run/",
    "admin, versions": lambda _, __: "/admin/tasks_app/taskversion/",
    "admin, experiments": lambda _, __: "/admin/experiments_app/experiment/",
    "admin, measurements": lambda _, __: "/admin/experiments_app/measurement/",
    "admin, leases": lambda _, __: "/admin/experiments_app/resourcelease/",
} | {
    f"chart {name}": lambda ended, _, name=name: f"/tasks/{ended.pk}/charts/{name}"
    for name in CHARTS
}


@pytest.fixture
def user() -> User:
    user = make_user()
    user.is_superuser = True
    user.save()
    return user


def fill(count: int) -> tuple[Task, Task]:
    """`count` ended tasks, the last of them with `count` experiments, and one that runs."""
    for _ in range(count - 1):
        run_of(3)
    ended = run_of(count, failing=0, infeasible=0)
    return ended, running_task(min(count + 2, len(SCORES)))


@pytest.mark.parametrize("name", PAGES)
def test_it_asks_as_often_for_many_as_for_few(name: str, user: User, client: Client) -> None:
    client.force_login(user)
    counts = []
    for count in (FEW, MANY):
        path = PAGES[name](*fill(count))
        client.get(path)  # what is worked out once
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200, path
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("page", ["task", "experiment"])
def test_it_asks_as_often_for_a_final_of_many_rounds(page: str, user: User, client: Client) -> None:
    client.force_login(user)
    counts = []
    for rounds in (0, 8):
        task = confirmed_task("undo")
        for repeat in range(ROUNDS + 2, ROUNDS + 2 + rounds):
            for number in (*LEADERS, 7):
                measured_again(task, number, repeat)
        winner = task.experiments.get(number=3, repeat=1)
        path = f"/tasks/{task.pk}/" if page == "task" else f"/experiments/{winner.pk}/"
        client.get(path)
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
