import socket
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from experiments_app import leases
from experiments_app.leases import Cancelled, Claim, ClaimLost, Heartbeat, NoFreePort
from experiments_app.models import Experiment, ResourceLease
from experiments_app.scheduler import advance
from tasks_app.models import StaleState, Task
from tests.experiments_app.specs import saved_task
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def running_task(name: str = "small") -> Task:
    task = saved_task(task_name=name)
    task.start()
    return task


def claimed(task: Task) -> Claim:
    experiment = advance(task.pk)
    assert experiment is not None
    claim = leases.claim(experiment.pk, ["host"])
    assert claim is not None
    return claim


def raised_by(heartbeat: Heartbeat) -> type[BaseException] | None:
    try:
        heartbeat.check()
    except (Cancelled, ClaimLost) as error:
        return type(error)
    return None


def test_only_one_of_many_workers_gets_an_experiment() -> None:
    experiment = advance(running_task().pk)
    assert experiment is not None
    taken: list[Claim | None] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        taken.append(leases.claim(experiment.pk, []))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in taken) == 1
    experiment.refresh_from_db()
    assert experiment.attempt == 1


def test_a_busy_host_leaves_the_experiment_pending() -> None:
    claimed(running_task("first"))
    experiment = advance(running_task("second").pk)
    assert experiment is not None
    assert leases.claim(experiment.pk, ["host"]) is None
    experiment.refresh_from_db()
    assert (experiment.status, experiment.attempt) == ("pending", 0)


def test_releasing_frees_the_host_and_the_ports() -> None:
    claim = claimed(running_task())
    leases.lease_port(claim, (18200, 18210))
    leases.release(claim)
    assert not ResourceLease.objects.exists()


def test_an_experiment_of_a_cancelled_task_cannot_be_claimed() -> None:
    task = running_task()
    experiment = advance(task.pk)
    assert experiment is not None
    task.cancel()
    assert leases.claim(experiment.pk, []) is None


def test_two_claims_never_share_a_port() -> None:
    first = claimed(running_task("first"))
    leases.release(first)
    second = claimed(running_task("second"))
    ports = (18200, 18201)
    assert {leases.lease_port(first, ports), leases.lease_port(second, ports)} == {18200, 18201}
    with pytest.raises(NoFreePort, match="PORT_RANGE"):
        leases.lease_port(second, ports)


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 18205)):
        assert leases.lease_port(claimed(running_task()), (18205, 18206)) == 18206


def test_a_write_under_a_claim_that_was_taken_back_is_refused() -> None:
    claim = claimed(running_task())
    experiment = Experiment.objects.get(pk=claim.experiment_pk)
    experiment.hand_back(claim.token)
    with pytest.raises(StaleState):
        experiment.succeed(claim.token, score=1.0, slo_excess=None)
    experiment.refresh_from_db()
    assert experiment.status == "pending"


def test_a_heartbeat_sees_a_cancel_within_two_seconds() -> None:
    task = running_task()
    with Heartbeat(claimed(task)) as heartbeat:
        heartbeat.check()
        task.cancel()
        wait_for(lambda: raised_by(heartbeat) is Cancelled, timeout_s=2)


def test_a_heartbeat_sees_a_restart_as_the_end_of_its_run() -> None:
    task = running_task()
    with Heartbeat(claimed(task)) as heartbeat:
        task.cancel()
        task.restart()
        wait_for(lambda: raised_by(heartbeat) is Cancelled, timeout_s=2)


def test_a_heartbeat_renews_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_EVERY", 1)
    claim = claimed(running_task())
    rows = Experiment.objects.filter(pk=claim.experiment_pk)
    rows.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    with Heartbeat(claim):
        later = timezone.now() + timedelta(seconds=20)
        wait_for(rows.filter(lease_expires_at__gt=later).exists, timeout_s=3)


def test_a_heartbeat_notices_that_its_claim_was_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "RENEW_EVERY", 1)
    claim = claimed(running_task())
    with Heartbeat(claim) as heartbeat:
        Experiment.objects.get(pk=claim.experiment_pk).hand_back(claim.token)
        wait_for(lambda: raised_by(heartbeat) is ClaimLost, timeout_s=3)
