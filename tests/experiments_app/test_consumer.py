import os
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from experiments_app import consumer
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests.factories import completed_task, make_task, make_user, running_task

pytestmark = pytest.mark.django_db
NOTICE = "The consumer is not running"


def waiting_task() -> Task:
    """Started a while ago, and nobody works on it."""
    task = make_task()
    task.start()
    Task.objects.filter(pk=task.pk).update(started_at=timezone.now() - timedelta(minutes=1))
    return task


def test_it_lives_while_it_beats_and_not_a_moment_longer() -> None:
    assert not consumer.is_alive()
    with consumer.beating():
        assert consumer.is_alive()
    assert not consumer.is_alive()


def test_it_is_dead_when_it_was_killed_and_beats_no_more() -> None:
    with consumer.beating():
        long_ago = time.time() - consumer.DEAD_AFTER_S - 1
        os.utime(settings.HOME.consumer_beat, (long_ago, long_ago))
        assert not consumer.is_alive()


def test_it_counts_the_running_tasks_that_nobody_works_on() -> None:
    waiting_task()
    completed_task((50.0,))
    assert consumer.num_waiting_in_vain() == 1
    with consumer.beating():
        assert consumer.num_waiting_in_vain() == 0


def test_a_task_that_is_run_in_the_foreground_waits_for_nobody() -> None:
    task = running_task()
    assert consumer.num_waiting_in_vain() == 0
    lapsed = timezone.now() - timedelta(minutes=1)
    Experiment.objects.filter(task=task).update(completed_at=lapsed)
    Experiment.objects.active().update(lease_expires_at=lapsed)
    assert consumer.num_waiting_in_vain() == 1


def test_every_page_says_it_and_ceases_to(client: Client) -> None:
    client.force_login(make_user())
    task = waiting_task()
    paths = ("/", "/tasks/new", f"/tasks/{task.pk}/")
    for path in paths:
        assert NOTICE in client.get(path).content.decode(), path
    with consumer.beating():
        for path in paths:
            assert NOTICE not in client.get(path).content.decode(), path


def test_it_says_it_once_on_the_page_that_follows(client: Client) -> None:
    client.force_login(make_user())
    text = client.get(f"/tasks/{waiting_task().pk}/").content.decode()
    assert text.count(NOTICE) == 1
