"""A task that is paused goes on where it was, whatever happens meanwhile."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from experiments_app import leases, lifecycle, tasks
from experiments_app.foreground import run_in_foreground
from experiments_app.leases import Heartbeat
from experiments_app.models import Experiment
from experiments_app.reaper import reap
from experiments_app.scheduler import advance
from experiments_app.standing import Standing
from tasks_app.models import StaleState, Task
from tests.experiments_app.specs import saved_task
from tests.factories import TOKEN, make_user, running_task
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db
Status = Task.Status


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tasks that the consumer was told of."""
    calls: list[int] = []
    monkeypatch.setattr(lifecycle, "wake", calls.append)
    monkeypatch.setattr(tasks, "work_on", calls.append)
    return calls


@pytest.fixture
def task() -> Task:
    task = saved_task()
    task.start()
    return task


def again(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def held_by_dead_worker(task: Task) -> Experiment:
    """Its lease has run out."""
    experiment = task.experiments.get(lease_expires_at__isnull=False)
    Experiment.objects.filter(pk=experiment.pk).update(
        lease_expires_at=timezone.now() - timedelta(minutes=1)
    )
    return experiment


def test_no_experiment_is_made_while_paused(task: Task) -> None:
    lifecycle.pause_task(task)
    assert advance(task.pk) is None
    assert not Experiment.objects.exists()


def test_no_waiting_experiment_is_begun_while_paused(task: Task) -> None:
    experiment = advance(task.pk)
    assert experiment is not None
    lifecycle.pause_task(task)
    assert leases.claim(experiment.pk, gpus=0) is None
    lifecycle.resume_task(task)
    assert leases.claim(experiment.pk, gpus=0) is not None


@pytest.mark.django_db(transaction=True)
def test_the_experiment_under_way_is_not_taken_for_cancelled(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.02)
    experiment = advance(task.pk)
    assert experiment is not None
    claim = leases.claim(experiment.pk, gpus=0)
    assert claim is not None
    looks: list[None] = []
    look = Heartbeat._look_for_cancel

    def counted(heartbeat: Heartbeat) -> None:
        looks.append(None)
        look(heartbeat)

    monkeypatch.setattr(Heartbeat, "_look_for_cancel", counted)
    with Heartbeat(claim) as heartbeat:
        lifecycle.pause_task(task)
        seen = len(looks)
        wait_for(lambda: len(looks) > seen + 2, timeout_s=10)
        heartbeat.check()


def test_resuming_wakes_the_consumer(
    task: Task, woken: list[int], django_capture_on_commit_callbacks: object
) -> None:
    lifecycle.pause_task(task)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        lifecycle.resume_task(task)
    assert woken == [task.pk]


def test_a_consumer_that_starts_leaves_a_paused_task_alone(task: Task, woken: list[int]) -> None:
    lifecycle.pause_task(task)
    tasks.wake_all()
    assert woken == []
    assert again(task).status == Status.PAUSED


def test_what_a_killed_consumer_left_waits_for_the_end_of_the_pause() -> None:
    task = running_task()
    lifecycle.pause_task(task)
    experiment = held_by_dead_worker(task)
    assert reap().requeued == 1
    experiment.refresh_from_db()
    assert (experiment.status, again(task).status) == ("pending", Status.PAUSED)
    lifecycle.resume_task(task)
    assert advance(task.pk) == experiment


def test_a_pause_while_the_last_experiment_ends_keeps_the_run_open(task: Task) -> None:
    while experiment := advance(task.pk):
        Experiment.objects.filter(pk=experiment.pk).update(
            status="success", objective_score=1.0, feasible=True
        )
        if experiment.number == 2:
            lifecycle.pause_task(task)
    assert again(task).status == Status.PAUSED
    lifecycle.resume_task(task)
    assert advance(task.pk) is None
    assert again(task).status == Status.COMPLETED


def test_it_says_who_paused_it_or_why() -> None:
    task = running_task()
    lifecycle.pause_task(task, user=make_user("bob"))
    assert again(task).message == "paused by bob"
    assert Standing.load(task).words.startswith(
        "Paused by bob · experiment 4 is measured to its end · measuring"
    )
    lifecycle.resume_task(task)
    assert again(task).message == ""
    lifecycle.pause_task(task, message="the disk is full")
    assert Standing.load(task).words.startswith("Paused · the disk is full · experiment 4 is")


def elapsed_s(task: Task) -> float:
    assert task.elapsed is not None
    return task.elapsed.total_seconds()


def test_a_paused_task_counts_only_the_time_in_which_something_was_measured() -> None:
    task = running_task()  # began 170 s ago
    lifecycle.pause_task(task)
    ago = timezone.now() - timedelta(seconds=100)
    Task.objects.update(paused_at=ago)
    task.runs.update(started_at=F("started_at") - timedelta(seconds=170))
    task.refresh_from_db()
    assert Standing.load(task).elapsed_s == pytest.approx(170, abs=5)  # it is measured on
    task.experiments.get(owner_token=TOKEN).cancel(TOKEN)
    assert again(task).paused_at != ago
    Task.objects.update(paused_at=ago)
    task.refresh_from_db()
    assert Standing.load(task).elapsed_s == pytest.approx(70, abs=5)
    assert elapsed_s(again(task)) == pytest.approx(70, abs=5)
    lifecycle.resume_task(task)
    assert Standing.load(task).elapsed_s == pytest.approx(70, abs=5)
    lifecycle.pause_task(task)
    Task.objects.update(paused_at=timezone.now() - timedelta(seconds=30))
    lifecycle.cancel_task(task)
    assert elapsed_s(again(task)) == pytest.approx(40, abs=5)
    assert Standing.load(again(task), 1).elapsed_s == pytest.approx(40, abs=5)


def test_a_new_run_has_not_been_paused(task: Task) -> None:
    lifecycle.pause_task(task)
    lifecycle.cancel_task(task)
    task.restart()
    assert (task.paused_at, task.paused_s) == (None, 0.0)


@pytest.mark.parametrize("verb", [lifecycle.pause_task, lifecycle.start_task])
def test_a_paused_task_is_neither_paused_nor_started_again(task: Task, verb: object) -> None:
    lifecycle.pause_task(task)
    with pytest.raises(StaleState, match="is paused"):
        verb(task)  # type: ignore[operator]


def test_what_does_not_run_is_neither_paused_nor_resumed() -> None:
    task = saved_task()
    for verb in (lifecycle.pause_task, lifecycle.resume_task):
        with pytest.raises(StaleState, match="is pending"):
            verb(task)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_", range(3))
def test_of_pause_and_cancel_at_once_the_cancel_lasts(task: Task, _: int) -> None:
    ready = threading.Barrier(3)

    def do(verb: object) -> None:
        own = again(task)
        ready.wait(timeout=60)
        try:
            verb(own)  # type: ignore[operator]
        except StaleState:
            pass
        finally:
            connection.close()

    threads = [
        threading.Thread(target=do, args=(verb,))
        for verb in (lifecycle.pause_task, lifecycle.cancel_task, lambda own: advance(own.pk))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    task.refresh_from_db()
    assert task.status == Status.CANCELLED
    assert task.paused_at is None
    assert (task.runs.get().status, task.runs.get().paused_at) == (Status.CANCELLED, None)
    assert not Experiment.objects.filter(status="pending").exists()


@pytest.mark.django_db(transaction=True)
def test_the_foreground_waits_for_the_end_of_a_pause(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an experiment does is not the point here."""
    monkeypatch.setattr("experiments_app.foreground.WAIT_S", 0.02)

    def measure(pk: int) -> bool:
        Experiment.objects.filter(pk=pk).update(
            status="success", objective_score=1.0, feasible=True
        )
        if Experiment.objects.count() == 2:
            lifecycle.pause_task(again(task))
        return True

    monkeypatch.setattr("experiments_app.foreground.run_experiment", measure)

    def run() -> None:
        try:
            run_in_foreground(task)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_for(lambda: again(task).status == Status.PAUSED, timeout_s=20)
    assert thread.is_alive()
    lifecycle.resume_task(again(task), wake_consumer=False)
    thread.join(timeout=120)
    assert not thread.is_alive()
    assert again(task).status == Status.COMPLETED
    assert Experiment.objects.count() == 3
