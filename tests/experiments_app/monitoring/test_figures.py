"""`/metrics`: for whom, and that each figure is what the database says."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from experiments_app import consumer
from experiments_app.models import Experiment
from experiments_app.monitoring import queue_lag
from experiments_app.system.settings_shown import fixed_settings
from tests.factories import completed_task, make_task, make_user, running_task

pytestmark = pytest.mark.django_db
TOKEN = "scrape-4711-scrape-4711"


@pytest.fixture(autouse=True)
def with_token(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = TOKEN


def ask(client: Client, authorization: str = f"Bearer {TOKEN}") -> Any:
    headers = {"authorization": authorization} if authorization else {}
    return client.get("/metrics", headers=headers)


def figures(client: Client) -> dict[tuple[str, str], float]:
    """By name and the value of the one label, as Prometheus' own parser reads them."""
    response = ask(client)
    assert response.status_code == 200
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_without_a_token_set_there_is_nothing(client: Client, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = ""
    for authorization in ("", "Bearer ", f"Bearer {TOKEN}"):
        assert ask(client, authorization).status_code == 404


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "Bearer tökén"],
)
def test_who_does_not_show_the_token_is_refused(client: Client, authorization: str) -> None:
    client.force_login(make_user())  # an account is no token
    response = ask(client, authorization)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"autotuner_" not in response.content


def test_it_counts_tasks_and_experiments_by_status(client: Client) -> None:
    make_task()
    task = completed_task()
    running_task()
    Experiment.objects.filter(task=task).update(measure_s=None)
    two = Experiment.objects.filter(task=task, number__lte=1)
    two.update(measure_s=2.5, start_s=1.0, quality={"seconds": 1.5})
    found = figures(client)
    for status in ("pending", "running", "completed"):
        assert found["autotuner_tasks", status] == 1
    assert found["autotuner_tasks", "failed"] == 0
    for status in Experiment.Status:
        num = Experiment.objects.filter(status=status).count()
        assert found["autotuner_experiments", status] == num
    rest = Experiment.objects.exclude(task=task).values_list("measure_s", flat=True)
    seconds = 5.0 + sum(value or 0.0 for value in rest)
    assert found["autotuner_experiment_phase_seconds", "measure"] == pytest.approx(seconds)
    assert found["autotuner_experiment_phase_seconds", "quality"] == pytest.approx(3.0)
    assert found["autotuner_workers_busy", ""] == 1


def test_it_tells_of_the_consumer_and_of_the_disk(client: Client, settings: LazySettings) -> None:
    found = figures(client)
    assert found["autotuner_consumer_up", ""] == 0
    assert found["autotuner_queue_lag_seconds", ""] == float("inf")
    assert ("autotuner_consumer_heartbeat_age_seconds", "") not in found
    with consumer.beating():
        queue_lag.note_job()
        found = figures(client)
    settings.HOME.last_job.unlink()
    assert found["autotuner_consumer_up", ""] == 1
    assert 0 <= found["autotuner_consumer_heartbeat_age_seconds", ""] < 10
    assert found["autotuner_queue_lag_seconds", ""] == 0
    assert found["autotuner_queue_up", ""] == 1
    assert found["autotuner_disk_free_bytes", ""] > 0
    assert found["autotuner_disk_least_bytes", ""] == settings.MIN_FREE_DISK_GIB * 1024**3


def test_it_asks_the_database_as_little_for_many_tasks_as_for_few(client: Client) -> None:
    def num_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client)
        return len(queries)

    few = num_queries()
    for _ in range(5):
        completed_task()
    assert num_queries() == few <= 4


def test_a_database_that_is_away_fails_the_scrape_and_tells_nothing(client: Client) -> None:
    def away(*_: object) -> None:
        raise OperationalError('connection to "db.internal" failed')

    with connection.execute_wrapper(away):
        response = ask(client)
    assert response.status_code == 503
    assert b"internal" not in response.content


def test_the_page_of_settings_says_only_that_there_is_a_token() -> None:
    shown = {setting.name: setting.shown for setting in fixed_settings()}
    assert shown["METRICS_TOKEN"]
    assert TOKEN not in str(shown)
