import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from experiments_app import leases
from experiments_app.leases import MAX_ATTEMPTS, Claim
from experiments_app.models import Experiment, ResourceLease
from experiments_app.processes import MARKER_VARIABLE, ProcessIdentity
from experiments_app.reaper import reap
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tests.experiments_app.specs import saved_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def task() -> Task:
    task = saved_task()
    task.start()
    return task


@pytest.fixture
def claim(task: Task) -> Claim:
    experiment = advance(task.pk)
    assert experiment is not None
    claim = leases.claim(experiment.pk, gpus=0)
    assert claim is not None
    return claim


@pytest.fixture
def sleeper(claim: Claim) -> Iterator[subprocess.Popen[bytes]]:
    """A process that the claim's worker started."""
    yield from _sleeper(claim.marker)


@pytest.fixture
def foreign_sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of another site on this host."""
    yield from _sleeper("anothersite:1:token")


def _sleeper(marker: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env={**os.environ, MARKER_VARIABLE: marker},
        start_new_session=True,
    )
    yield process
    process.kill()
    process.wait()


def kill_owner(claim: Claim) -> None:
    """As if the worker had been killed: its pid now belongs to nobody."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    started = ProcessIdentity.of(ended.pid).create_time
    ended.wait()
    Experiment.objects.filter(pk=claim.experiment_pk).update(
        owner_pid=ended.pid, owner_started=started
    )


def experiment_of(claim: Claim) -> Experiment:
    return Experiment.objects.get(pk=claim.experiment_pk)


def test_it_leaves_a_living_workers_things_alone(
    claim: Claim, sleeper: subprocess.Popen[bytes]
) -> None:
    assert not reap().anything
    assert sleeper.poll() is None
    assert experiment_of(claim).status == "deploying"
    assert ResourceLease.objects.count() == 1


def test_it_queues_a_dead_workers_experiment_again(claim: Claim) -> None:
    kill_owner(claim)
    assert reap().requeued == 1
    assert experiment_of(claim).status == "pending"
    assert leases.claim(claim.experiment_pk, gpus=0) is not None


def test_it_ends_what_a_dead_worker_left_running(
    claim: Claim, sleeper: subprocess.Popen[bytes]
) -> None:
    kill_owner(claim)
    assert reap().processes == 1
    assert sleeper.wait(timeout=60) != 0


def test_it_never_touches_processes_of_another_site(
    claim: Claim, foreign_sleeper: subprocess.Popen[bytes]
) -> None:
    kill_owner(claim)
    reap()
    assert foreign_sleeper.poll() is None


def test_it_ends_processes_of_an_experiment_that_is_over(
    claim: Claim, sleeper: subprocess.Popen[bytes]
) -> None:
    experiment_of(claim).fail(claim.token, kind="other", error="x")
    assert reap().processes == 1
    assert sleeper.wait(timeout=60) != 0


def test_it_frees_the_leases_of_a_dead_worker(claim: Claim) -> None:
    kill_owner(claim)
    reap()
    assert not ResourceLease.objects.exists()


def test_it_gives_up_after_too_many_attempts(claim: Claim) -> None:
    Experiment.objects.filter(pk=claim.experiment_pk).update(attempt=MAX_ATTEMPTS)
    kill_owner(claim)
    assert reap().failed == 1
    experiment = experiment_of(claim)
    assert (experiment.status, experiment.error_kind) == ("failed", "worker_lost")


def test_it_cancels_what_belongs_to_a_cancelled_task(task: Task, claim: Claim) -> None:
    kill_owner(claim)
    task.cancel()
    assert reap().cancelled == 1
    assert experiment_of(claim).status == "cancelled"


def test_it_takes_back_a_lease_that_ran_out_on_another_host(claim: Claim) -> None:
    Experiment.objects.filter(pk=claim.experiment_pk).update(owner_host="elsewhere")
    assert not reap().requeued
    Experiment.objects.filter(pk=claim.experiment_pk).update(
        lease_expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert reap().requeued == 1


def test_it_writes_what_it_did_into_the_tasks_log(task: Task, claim: Claim) -> None:
    kill_owner(claim)
    reap()
    log = settings.HOME.task_log(task.pk).read_text()
    assert "the worker of attempt 1 is gone: pending" in log.splitlines()[-1]


def test_a_second_call_finds_nothing(claim: Claim) -> None:
    kill_owner(claim)
    assert reap().anything
    assert not reap().anything


def test_an_experiment_handed_back_after_its_run_was_cancelled_is_cancelled(
    task: Task, claim: Claim
) -> None:
    experiment = experiment_of(claim)
    task.cancel()
    experiment.hand_back(claim.token)
    assert experiment_of(claim).status == "cancelled"


def test_an_attempt_that_ended_in_order_does_not_count(claim: Claim) -> None:
    experiment_of(claim).hand_back(claim.token, attempt_counts=False)
    assert experiment_of(claim).attempt == 0
