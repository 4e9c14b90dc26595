"""`/healthz`: each check broken and mended again, and what it must not tell."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client
from redis import ConnectionError as RedisAway

from experiments_app import consumer
from experiments_app.disk_watch import hold_for_room
from experiments_app.models import Experiment
from experiments_app.monitoring import health, queue_lag
from tests.factories import running_task

pytestmark = pytest.mark.django_db
ALL_WELL = dict.fromkeys(("database", "home", "disk", "consumer", "queue"), "ok")


@pytest.fixture
def consumer_lives(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A site that has run for a while, with a consumer that has just taken a job."""
    monkeypatch.setattr(health, "STARTING_S", 0.0)
    with consumer.beating():
        queue_lag.note_job()
        yield
    settings.HOME.last_job.unlink(missing_ok=True)


def asked(client: Client) -> tuple[int, dict[str, str]]:
    response = client.get("/healthz")
    answer: dict[str, Any] = response.json()
    assert (answer["status"] == "ok") == (response.status_code == 200)
    return response.status_code, answer["checks"]


def age_last_job(settings: LazySettings, age_s: float) -> None:
    then = time.time() - age_s
    os.utime(settings.HOME.last_job, (then, then))


@pytest.mark.usefixtures("consumer_lives")
def test_it_is_well_while_everything_works(client: Client) -> None:
    assert asked(client) == (200, ALL_WELL)


@pytest.mark.usefixtures("consumer_lives")
def test_a_dead_consumer_is_a_fault_until_it_lives(client: Client, settings: LazySettings) -> None:
    long_ago = time.time() - consumer.DEAD_AFTER_S - 1
    os.utime(settings.HOME.consumer_beat, (long_ago, long_ago))
    status, checks = asked(client)
    assert (status, {**checks, "consumer": "ok"}) == (503, ALL_WELL)
    assert "not running" in checks["consumer"]
    settings.HOME.consumer_beat.touch()
    assert asked(client)[0] == 200


def test_a_consumer_that_starts_with_the_site_has_its_time(client: Client) -> None:
    status, checks = asked(client)
    assert (status, checks["consumer"]) == (200, "starting")


@pytest.mark.usefixtures("consumer_lives")
def test_a_queue_whose_jobs_nobody_takes_is_a_fault(client: Client, settings: LazySettings) -> None:
    age_last_job(settings, queue_lag.JOB_DUE_S + health.MAX_LAG_S + 5)
    status, checks = asked(client)
    assert (status, checks["consumer"]) == (503, "ok")
    assert "due for 125 s" in checks["queue"]
    queue_lag.note_job()
    assert asked(client)[0] == 200


@pytest.mark.usefixtures("consumer_lives")
def test_jobs_may_wait_while_every_worker_measures(client: Client, settings: LazySettings) -> None:
    age_last_job(settings, 3600)
    for _ in range(queue_lag.WORKERS):
        assert asked(client)[0] == 503
        running_task()
    assert Experiment.objects.active().count() == queue_lag.WORKERS
    assert asked(client) == (200, ALL_WELL)


@pytest.mark.usefixtures("consumer_lives")
def test_a_queue_that_cannot_be_reached_tells_no_address(
    client: Client, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise RedisAway("Error 111 connecting to queue.internal:6379")

    monkeypatch.setattr(settings.HUEY, "pending_count", away)
    status, checks = asked(client)
    assert (status, checks["queue"]) == (503, "the queue does not answer")


@pytest.mark.usefixtures("consumer_lives")
def test_a_disk_that_is_nearly_full_is_a_fault_until_tasks_go_on(
    client: Client, settings: LazySettings
) -> None:
    running_task()
    settings.MIN_FREE_DISK_GIB = 10.0**6
    hold_for_room()
    status, checks = asked(client)
    assert status == 503
    assert "1e+06 GiB are wanted" in checks["disk"]
    assert str(settings.HOME.root) not in checks["disk"]
    settings.MIN_FREE_DISK_GIB = 0
    assert asked(client) == (200, ALL_WELL)


@pytest.mark.usefixtures("consumer_lives")
def test_a_data_folder_that_cannot_be_written_is_a_fault(
    client: Client, settings: LazySettings
) -> None:
    settings.AUTOTUNER_HOME = Path("/proc/nowhere")
    status, checks = asked(client)
    assert status == 503
    assert checks["home"] == "the data folder cannot be written: No such file or directory"


@pytest.mark.usefixtures("consumer_lives")
def test_a_database_that_is_away_tells_neither_host_nor_user(client: Client) -> None:
    def away(*_: object) -> None:
        raise OperationalError('connection to "db.internal" failed for user "tuner"')

    with connection.execute_wrapper(away):
        status, checks = asked(client)
    assert status == 503
    assert checks["database"] == "the database does not answer"
    assert "internal" not in str(checks)
    assert asked(client)[0] == 200
