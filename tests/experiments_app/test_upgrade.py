"""What a site has measured is still there when it is brought up to date."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from experiments_app.models import Experiment, Measurement
from tasks_app.models import Run, Task
from tests.factories import task_data

BEFORE_REPEATS = [
    ("tasks_app", "0013_past_results_site"),
    ("experiments_app", "0005_search_columns"),
]
ENVIRONMENT = {"MY_API_KEY": "key-sesame"}
TABLES = [model._meta.db_table for model in (Task, Run, Experiment, Measurement)]


@pytest.fixture
def before_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Iterator[Apps]:
    """A database of its own, as it was before configurations were measured again."""
    connection.close()
    with monkeypatch.context() as patch, django_db_blocker.unblock():
        patch.setitem(connection.settings_dict, "NAME", str(tmp_path / "before.db"))
        yield MigrationExecutor(connection).migrate(BEFORE_REPEATS).apps
        connection.close()


def test_what_was_measured_before_configurations_were_repeated_is_as_it_was(
    before_repeats: Apps,
) -> None:
    fill(before_repeats)
    old = {table: rows(table) for table in TABLES}
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    for table, before in old.items():
        assert len(before) == len(rows(table)) > 0
        for was, now in zip(before, rows(table), strict=True):
            assert {name: now[name] for name in was} == was

    task, run = Task.objects.get(), Run.objects.get()
    assert (task.quality, task.cost) == ({}, {})
    assert (run.final, run.provenance) == (None, None)
    assert task.environment == run.spec["environment"] == ENVIRONMENT
    experiments = Experiment.objects.of_run(task, 1)
    assert {one.status for one in experiments} == set(Experiment.Status)
    assert {(one.repeat, one.purpose) for one in experiments} == {(1, Experiment.Purpose.SEARCH)}
    assert all(one.quality == {} for one in experiments)
    measured = Measurement.objects.get()
    assert (measured.repeat, measured.counts, measured.conditions) == (1, True, {})
    assert (measured.joules_per_token, measured.cost_per_million_tokens) == (None, None)


def rows(table: str) -> list[dict[str, Any]]:
    """What really stands in the table."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fill(apps: Apps) -> None:
    """A task and its run, with an experiment of each status, one of them measured."""
    spec = task_data(environment=ENVIRONMENT)
    sections = ("model", "parameters", "optimization", "benchmark", "environment")
    task = apps.get_model("tasks_app", "Task").objects.create(
        name=spec["task_name"],
        base_runtime=spec["base_runtime"],
        deployment_mode=spec["deployment_mode"],
        status="running",
        run=1,
        **{name: spec[name] for name in sections},
    )
    now = timezone.now()
    task.runs.create(number=1, spec=spec, max_iterations=12, started_at=now)
    for number, status in enumerate(Experiment.Status):
        is_measured = status == Experiment.Status.SUCCESS
        experiment = task.experiments.create(
            run=1,
            number=number,
            status=status,
            parameters={"threads": number},
            owner_token="a worker" if status.is_active else "",
            objective_score=41.5 if is_measured else None,
            feasible=is_measured or None,
        )
        if is_measured:
            experiment.measurements.create(
                scenario="D(100,50)",
                concurrency=8,
                num_requests=80,
                duration_s=12.25,
                ttft_p95_s=0.125,
            )
