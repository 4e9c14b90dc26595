import multiprocessing
import os
import socket
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from experiments_app import leases
from experiments_app.gpus import Gpu
from experiments_app.leases import Cancelled, Claim, ClaimLost, Heartbeat, NoFreePort
from experiments_app.models import Experiment, ResourceLease
from experiments_app.reaper import reap
from experiments_app.scheduler import advance
from tasks_app.models import StaleState, Task
from tests.experiments_app.fake_nvml import install_gpus
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
    claim = leases.claim(experiment.pk, gpus=0)
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
        taken.append(leases.claim(experiment.pk, gpus=0))
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
    assert leases.claim(experiment.pk, gpus=0) is None
    experiment.refresh_from_db()
    assert (experiment.status, experiment.attempt) == ("pending", 0)


def pending(name: str) -> Experiment:
    """The baseline of a running task."""
    experiment = advance(running_task(name).pk)
    assert experiment is not None
    return experiment


def test_gpus_are_leased_by_their_uuids(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 4)
    experiment = pending("first")
    claim = leases.claim(experiment.pk, gpus=2)
    assert claim is not None
    assert claim.gpu_ids == ("GPU-0", "GPU-1")
    experiment.refresh_from_db()
    assert experiment.gpu_ids == ["GPU-0", "GPU-1"]
    held = ResourceLease.objects.filter(token=claim.token).values_list("resource", flat=True)
    assert set(held) == {"gpu:GPU-0", "gpu:GPU-1"}


def test_experiments_on_different_gpus_run_beside_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_gpus(monkeypatch, 3)
    first = leases.claim(pending("first").pk, gpus=1)
    second = leases.claim(pending("second").pk, gpus=2)
    assert first is not None
    assert second is not None
    assert (first.gpu_ids, second.gpu_ids) == (("GPU-0",), ("GPU-1", "GPU-2"))
    third = pending("third")
    assert leases.claim(third.pk, gpus=1) is None
    leases.release(first)
    again = leases.claim(third.pk, gpus=1)
    assert again is not None
    assert again.gpu_ids == ("GPU-0",)


def test_nothing_is_measured_on_the_cpu_beside_a_gpu_experiment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_gpus(monkeypatch, 2)
    on_gpu, on_cpu = pending("gpu"), pending("cpu")
    held = leases.claim(on_gpu.pk, gpus=1)
    assert held is not None
    assert leases.claim(on_cpu.pk, gpus=0) is None
    leases.release(held)
    assert leases.claim(on_cpu.pk, gpus=0) is not None


def test_no_gpu_is_given_away_while_the_cpu_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 2)
    assert leases.claim(pending("cpu").pk, gpus=0) is not None
    waiting = pending("gpu")
    assert leases.claim(waiting.pk, gpus=1) is None
    waiting.refresh_from_db()
    assert (waiting.status, waiting.attempt, waiting.gpu_ids) == ("pending", 0, [])


def test_a_gpu_with_a_foreign_process_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = install_gpus(monkeypatch, 3)
    nvml.devices[0].processes = [(os.getpid(), 1 << 30)]
    experiment = pending("first")
    assert leases.claim(experiment.pk, gpus=3) is None
    claim = leases.claim(experiment.pk, gpus=2)
    assert claim is not None
    assert claim.gpu_ids == ("GPU-1", "GPU-2")


@pytest.mark.parametrize(
    ("free", "count", "chosen"),
    [
        ((0, 1, 2, 3), 2, (0, 1)),
        ((0, 2, 3, 5), 2, (2, 3)),
        ((0, 3, 6), 2, (0, 3)),
        ((5, 1), 1, (1,)),
        ((0, 4, 5, 6, 7), 4, (4, 5, 6, 7)),
        ((), 0, ()),
    ],
)
def test_neighbours_are_chosen_the_lowest_first(
    free: tuple[int, ...], count: int, chosen: tuple[int, ...]
) -> None:
    gpus = [Gpu(f"GPU-{index}", index, "H100", 1, 0, 0, 0.0) for index in free]
    found = leases.choose_gpus(gpus, count)
    assert found is not None
    assert tuple(gpu.index for gpu in found) == chosen


def test_slices_of_a_gpu_are_given_away_one_at_a_time() -> None:
    slices = [Gpu(f"MIG-{n}", 0, "A100 MIG", 1, 0, None, None, is_mig=True) for n in range(2)]
    assert leases.choose_gpus(slices, 2) is None
    assert leases.choose_gpus(slices, 1) == slices[:1]


def test_of_many_workers_one_gets_the_last_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 1)
    experiments = [pending(f"task {number}") for number in range(6)]
    taken: list[Claim | None] = []
    start = threading.Barrier(len(experiments))

    def work(pk: int) -> None:
        start.wait()
        taken.append(leases.claim(pk, gpus=1))
        connection.close()

    threads = [threading.Thread(target=work, args=(e.pk,)) for e in experiments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in taken) == 1
    assert ResourceLease.objects.count() == 1


def test_of_a_cpu_and_gpu_experiments_at_once_one_kind_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Worker processes of their own, as a consumer has them."""
    install_gpus(monkeypatch, 4)
    wanted = [(pending(f"task {number}").pk, number % 2) for number in range(4)]
    connection.close()  # a child must not share it
    context = multiprocessing.get_context("fork")
    start = context.Barrier(len(wanted))

    def work(pk: int, gpus: int) -> None:
        start.wait()
        leases.claim(pk, gpus=gpus)
        connection.close()

    workers = [context.Process(target=work, args=pair) for pair in wanted]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * len(workers)
    held = sorted(ResourceLease.objects.values_list("resource", flat=True))
    assert held in (["host"], ["gpu:GPU-0", "gpu:GPU-1"])


def test_the_reaper_frees_the_gpus_of_a_dead_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpus(monkeypatch, 1)
    experiment = pending("first")
    assert leases.claim(experiment.pk, gpus=1) is not None
    Experiment.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    reap()
    assert not ResourceLease.objects.exists()
    assert leases.claim(experiment.pk, gpus=1) is not None


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
    assert leases.claim(experiment.pk, gpus=0) is None


def test_two_claims_never_share_a_port() -> None:
    first = claimed(running_task("first"))
    leases.release(first)
    second = claimed(running_task("second"))
    ports = (18200, 18201)
    assert {leases.lease_port(first, ports), leases.lease_port(second, ports)} == {18200, 18201}
    with pytest.raises(NoFreePort, match=r"18200-18201 is free.* hold 2 of 2.*PORT_RANGE"):
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
        wait_for(rows.filter(lease_expires_at__gt=later).exists, timeout_s=60)


def test_a_heartbeat_notices_that_its_claim_was_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "RENEW_EVERY", 1)
    claim = claimed(running_task())
    with Heartbeat(claim) as heartbeat:
        Experiment.objects.get(pk=claim.experiment_pk).hand_back(claim.token)
        wait_for(lambda: raised_by(heartbeat) is ClaimLost, timeout_s=3)
