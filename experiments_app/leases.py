"""Who may run what: a worker's claim on an experiment, and the devices and ports it holds.

An experiment on the CPU has this host to itself; experiments on GPUs run beside each other, each
on GPUs of its own, and never beside one on the CPU.

A claim is one guarded UPDATE that writes a token into the row. Every later write filters on that
token, so a worker that was given up for dead can do no harm when it comes back. A heartbeat
thread renews the claim and watches for cancellation.
"""

import errno
import logging
import os
import secrets
import socket
import threading
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import Error, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from experiments_app import disk
from experiments_app.gpus import Gpu, find_gpus
from experiments_app.holding import may_begin
from experiments_app.models import Experiment, ResourceLease
from experiments_app.processes import ProcessIdentity

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
HEARTBEAT_S = 0.5
RENEW_EVERY = 10  # heartbeats
MAX_ATTEMPTS = 3
WHOLE_HOST = "host"


class Cancelled(Exception):
    """The task was cancelled, or the experiment's run was left behind by a new one."""


class ClaimLost(Exception):
    """The claim was taken back: another worker may already run the experiment."""


class NoFreePort(Exception):
    """Every port of PORT_RANGE is taken."""


class _Busy(Exception):
    """This host has not got now what the experiment takes."""


@dataclass(frozen=True)
class Claim:
    """The right of this process to run an attempt of an experiment, on the GPUs `gpu_ids`."""

    experiment_pk: int
    task_pk: int
    run: int
    attempt: int
    token: str
    host: str
    gpu_ids: tuple[str, ...] = ()

    @property
    def marker(self) -> str:
        """Stands in the environment of every process started under this claim."""
        return marker(self.experiment_pk, self.token)


def this_host() -> str:
    return socket.gethostname()


def marker(experiment_pk: int, token: str) -> str:
    return f"{settings.SITE_ID}:{experiment_pk}:{token}"


def claim(experiment_pk: int, *, gpus: int) -> Claim | None:
    """Take a pending experiment of a running task, or a verification, and `gpus` free GPUs of this
    host with it.

    With 0 GPUs, this host as a whole. None when another worker was first, the task no longer runs,
    or this host has not got what it takes now: `waiting.waiting_reason` says what that is.
    """
    with may_begin() as allowed:
        return _claim(experiment_pk, gpus) if allowed else None


def _claim(experiment_pk: int, gpus: int) -> Claim | None:
    token = secrets.token_hex(16)
    host = this_host()
    me = ProcessIdentity.of(os.getpid())
    # Asked beforehand: NVML may take seconds, and nobody can write while a transaction is open. Who
    # took a GPU meanwhile holds a lease on it.
    idle = [gpu for gpu in find_gpus() if not gpu.used_by] if gpus else []
    try:
        with transaction.atomic():
            pending = Experiment.objects.may_begin().filter(pk=experiment_pk)
            taken = pending.update(
                status=Experiment.Status.DEPLOYING,
                attempt=F("attempt") + 1,
                owner_token=token,
                owner_host=host,
                owner_pid=me.pid,
                owner_started=me.create_time,
                lease_expires_at=timezone.now() + LEASE,
                started_at=timezone.now(),
                completed_at=None,
            )
            if taken != 1:
                return None
            # Nobody else leases until this transaction is through: it began as the only writer.
            gpu_ids = _choose_devices(gpus, idle, host)
            for resource in [gpu_resource(uuid) for uuid in gpu_ids] or [WHOLE_HOST]:
                ResourceLease.objects.create(
                    host=host, resource=resource, experiment_id=experiment_pk, token=token
                )
            Experiment.objects.filter(pk=experiment_pk).update(gpu_ids=gpu_ids)
            experiment = Experiment.objects.get(pk=experiment_pk)
    except (_Busy, IntegrityError):  # the claim was rolled back with it
        return None
    return Claim(
        experiment_pk,
        experiment.task_id,
        experiment.run,
        experiment.attempt,
        token,
        host,
        tuple(gpu_ids),
    )


def _choose_devices(gpus: int, idle: Sequence[Gpu], host: str) -> list[str]:
    """The uuids of the GPUs to lease; empty for the host as a whole. Raises _Busy."""
    leased = leased_devices(host)
    if WHOLE_HOST in leased or (leased and not gpus):
        raise _Busy
    chosen = choose_gpus([gpu for gpu in idle if gpu_resource(gpu.uuid) not in leased], gpus)
    if chosen is None:
        raise _Busy
    return [gpu.uuid for gpu in chosen]


def choose_gpus(free: Sequence[Gpu], count: int) -> list[Gpu] | None:
    """`count` GPUs that lie close together, the lowest such; None where there are too few.

    Several are never slices of a GPU: a program sees one slice at a time.
    """
    candidates = sorted(
        (gpu for gpu in free if count < 2 or not gpu.is_mig), key=lambda gpu: gpu.index
    )
    windows = [candidates[first : first + count] for first in range(len(candidates) - count + 1)]
    if count == 0:
        return []
    return min(windows, key=lambda w: (w[-1].index - w[0].index, w[0].index), default=None)


def leased_devices(host: str) -> set[str]:
    """What of the host is leased: `host`, or `gpu:<uuid>` each."""
    leases = ResourceLease.objects.filter(host=host).exclude(resource__startswith="port:")
    return set(leases.values_list("resource", flat=True))


def gpu_resource(uuid: str) -> str:
    return f"gpu:{uuid}"


def lease_port(claim: Claim, ports: tuple[int, int]) -> int:
    """The first port of the range that nobody leased and nothing listens on.

    Raises NoFreePort.
    """
    first, last = ports
    leased = set(
        ResourceLease.objects.filter(host=claim.host, resource__startswith="port:").values_list(
            "resource", flat=True
        )
    )
    for port in range(first, last + 1):
        resource = f"port:{port}"
        if resource in leased or not can_listen(port):
            continue
        try:
            with transaction.atomic():
                ResourceLease.objects.create(
                    host=claim.host,
                    resource=resource,
                    experiment_id=claim.experiment_pk,
                    token=claim.token,
                )
        except IntegrityError:  # another worker was first
            continue
        return port
    busy = sorted(int(resource.removeprefix("port:")) for resource in leased)
    held = sum(first <= port <= last for port in busy)
    raise NoFreePort(
        f"no port of {first}-{last} is free: this site's experiments hold {held} of"
        f" {last - first + 1}, other programs the rest; set PORT_RANGE to a wider range or stop"
        " what uses them"
    )


def release(claim: Claim) -> None:
    ResourceLease.objects.filter(token=claim.token).delete()


class Heartbeat:
    """Renews a claim in a thread, and learns in it whether to go on.

    `check()` raises Cancelled or ClaimLost; it touches no database and may be called often.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._stop = threading.Event()
        self._cancelled = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(
            target=copy_context().run,  # with the fields of its log
            args=(self._beat,),
            name="heartbeat",
            daemon=True,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def check(self) -> None:
        if self._lost.is_set():
            raise ClaimLost("this worker's claim was taken back")
        if self._cancelled.is_set():
            raise Cancelled("the task was cancelled")

    def _beat(self) -> None:
        beats = 0
        expires_at = timezone.now() + LEASE
        try:
            while not self._stop.wait(HEARTBEAT_S):
                beats += 1
                try:
                    if beats % RENEW_EVERY == 0:
                        expires_at = self._renew()
                    self._look_for_cancel()
                except Error as error:  # locked, full or away: try again until the lease is over
                    logger.warning(
                        "heartbeat of experiment %d: %s", self._claim.experiment_pk, error
                    )
                    # With a full disk nobody can take the claim either.
                    if timezone.now() > expires_at and not disk.is_full(error):
                        self._lost.set()
        finally:
            if not self._stop.is_set():  # this thread broke: nobody renews the claim any more
                self._lost.set()
            connection.close()  # of this thread

    def _renew(self) -> datetime:
        expires_at = timezone.now() + LEASE
        renewed = Experiment.objects.filter(
            pk=self._claim.experiment_pk, owner_token=self._claim.token
        ).update(lease_expires_at=expires_at)
        if renewed != 1:
            self._lost.set()
        return expires_at

    def _look_for_cancel(self) -> None:
        # Of paused tasks too: their last experiment is finished.
        if not Experiment.objects.wanted().filter(pk=self._claim.experiment_pk).exists():
            self._cancelled.set()


def can_listen(port: int) -> bool:
    """Whether nothing listens on the port, on loopback or on all addresses."""
    for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104  (a trial, closed at once)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
            if os.name == "posix":
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as error:
                if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                    return False
                raise
    return True
