"""Who is told of what: written with the change itself, once."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from autotuner_site.roles import Role
from experiments_app import lifecycle
from experiments_app.models import Channel, Delivery, Experiment
from experiments_app.notifications import bell, outbox, stuck
from tasks_app import transitions
from tasks_app.models import Task
from tests import factories

pytestmark = pytest.mark.django_db
Event = Delivery.Event
Scope = Channel.Scope


@pytest.fixture
def channel() -> Channel:
    return factories.make_channel(factories.make_user("ada", role=Role.VIEWER))


def told() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("pk").values_list("event", "task_status"))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: factories.completed_task((50.0, 60.0)), (Event.ENDED, "completed")),
        (factories.cancelled_task, (Event.ENDED, "cancelled")),
        (factories.failed_task, (Event.FAILED, "failed")),
    ],
)
def test_the_end_of_a_run_is_told(
    make: Callable[[], Task], expected: tuple[str, str], channel: Channel
) -> None:
    task = make()
    assert told() == [expected]
    row = Delivery.objects.get()
    assert (row.channel, row.task_number, row.run) == (channel, task.pk, 1)
    assert (row.happened_at, row.message) == (task.completed_at, task.message)


def test_a_pause_by_the_site_is_told_and_one_by_a_person_is_not(channel: Channel) -> None:
    task = factories.running_task()
    lifecycle.pause_task(task, user=channel.user)
    assert told() == []
    task.resume()
    task.pause("1.2 GiB are free on the disk", held_for="disk")
    task.resume()
    task.pause("0.9 GiB are free on the disk", held_for="disk")
    assert told() == [(Event.WAITING, "paused")] * 2
    messages = set(Delivery.objects.values_list("message", flat=True))
    assert messages == {"1.2 GiB are free on the disk", "0.9 GiB are free on the disk"}


def test_a_run_that_goes_on_is_told_of_at_each_end(channel: Channel) -> None:
    task = factories.completed_task((50.0, 60.0))
    task.extend(4)
    task.complete("4 of 4 experiments succeeded")
    assert told() == [(Event.ENDED, "completed")] * 2
    assert set(Delivery.objects.values_list("run", flat=True)) == {1}


def test_nothing_is_told_of_a_change_that_is_taken_back(channel: Channel) -> None:
    task = factories.running_task()

    class TakenBack(Exception):
        pass

    def end_and_fail() -> None:
        with transaction.atomic():
            task.complete("done")
            raise TakenBack

    with pytest.raises(TakenBack):
        end_and_fail()
    assert told() == []


def test_the_database_keeps_an_event_from_being_told_twice(channel: Channel) -> None:
    task = factories.completed_task((50.0,))
    assert task.completed_at is not None
    outbox.note(task, Event.ENDED, task.completed_at)
    row = Delivery.objects.get()
    row.pk, row.uid = None, Delivery._meta.get_field("uid").get_default()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_a_fault_in_telling_does_not_keep_a_task_from_its_end(
    channel: Channel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(task: Task) -> None:
        factories.make_preset("half done")
        raise ZeroDivisionError

    monkeypatch.setattr(transitions, "_listeners", [break_down, outbox.note_change])
    with caplog.at_level(logging.ERROR):
        task = factories.completed_task((50.0,))
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED
    assert told() == [(Event.ENDED, "completed")]
    assert "ZeroDivisionError" in caplog.text


# Whom


@pytest.mark.parametrize(
    ("scope", "wish", "is_told"),
    [
        (Scope.ALL, "", True),
        (Scope.ALL, "mute", False),
        (Scope.MINE, "", False),
        (Scope.MINE, "follow", True),
        (Scope.FOLLOWED, "", False),
        (Scope.FOLLOWED, "follow", True),
    ],
)
def test_the_bell_of_a_task_counts_before_what_a_channel_says(
    scope: Scope, wish: str, is_told: bool, channel: Channel
) -> None:
    Channel.objects.update(scope=scope)
    task = factories.running_task()
    bell.wish(channel.user, task, wish)
    task.cancel()
    assert Delivery.objects.exists() == is_told
    assert (bell.Bell.of(channel.user, task).told == 1) == is_told


def test_mine_are_those_that_i_made_or_started(channel: Channel) -> None:
    Channel.objects.update(scope=Scope.MINE)
    made, started, neither = factories.make_task(), factories.make_task(), factories.make_task()
    Task.objects.filter(pk=made.pk).update(created_by=channel.user)
    made.refresh_from_db()
    made.start()
    started.start(user=channel.user)
    neither.start(user=factories.make_user("bob"))
    for task in (made, started, neither):
        task.cancel()
    assert set(Delivery.objects.values_list("task_number", flat=True)) == {made.pk, started.pk}


@pytest.mark.parametrize(
    "changes",
    [
        {"is_on": False},
        {"confirmed_at": None},
        {"on_ended": False},
    ],
)
def test_a_channel_that_does_not_want_it_is_told_nothing(
    changes: dict[str, Any], channel: Channel
) -> None:
    Channel.objects.update(**changes)
    factories.completed_task((50.0,))
    assert told() == []


def test_an_account_that_was_closed_is_told_nothing(channel: Channel) -> None:
    channel.user.is_active = False
    channel.user.save()
    factories.completed_task((50.0,))
    assert told() == []


def test_what_was_told_outlives_its_task(channel: Channel) -> None:
    task = factories.completed_task((50.0,))
    name = task.name
    Task.objects.all().delete()
    assert Delivery.objects.get().task_name == name


# Runs that stand still


@pytest.fixture
def waiting(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """A task whose experiment has been waiting for a GPU that another program holds."""
    task = factories.make_task()
    task.start()
    experiment = factories.make_experiment(task, 0)
    long_ago = timezone.now() - stuck.WAITS_FOR - timedelta(minutes=1)
    Experiment.objects.update(created_at=long_ago)
    monkeypatch.setattr(stuck, "waiting_reason", lambda experiment: "waits for a GPU: it is busy")
    return experiment


def test_an_experiment_that_waits_for_what_the_site_does_not_have_is_told_once(
    waiting: Experiment,
) -> None:
    stuck.note_stuck()
    stuck.note_stuck()
    assert told() == [(Event.WAITING, "running")]
    assert Delivery.objects.get().message == "waits for a GPU: it is busy"


def test_one_that_waits_for_another_of_the_sites_own_is_not_told(waiting: Experiment) -> None:
    factories.running_task()
    stuck.note_stuck()
    assert told() == []


def test_one_that_has_waited_for_a_moment_is_not_told(waiting: Experiment) -> None:
    Experiment.objects.update(created_at=timezone.now())
    stuck.note_stuck()
    assert told() == []
