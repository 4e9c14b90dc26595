"""Who may run what: a worker's claim on an experiment, and the devices and ports it holds.

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
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from experiments_app.models import Experiment, ResourceLease
from experiments_app.processes import ProcessIdentity
from tasks_app.models import Task

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
HEARTBEAT_S = 0.5
RENEW_EVERY = 10  # heartbeats
MAX_ATTEMPTS = 3


class Cancelled(Exception):
    """The task was cancelled, or the experiment's run was left behind by a new one."""


class ClaimLost(Exception):
    """The claim was taken back: another worker may already run the experiment."""


class NoFreePort(Exception):
    """Every port of PORT_RANGE is taken."""


@dataclass(frozen=True)
class Claim:
    """The right of this process to run an attempt of an experiment."""

    experiment_pk: int
    task_pk: int
    run: int
    attempt: int
    token: str
    host: str

    @property
    def marker(self) -> str:
        """Stands in the environment of every process started under this claim."""
        return marker(self.experiment_pk, self.token)


def this_host() -> str:
    return socket.gethostname()


def marker(experiment_pk: int, token: str) -> str:
    return f"{settings.SITE_ID}:{experiment_pk}:{token}"


def claim(experiment_pk: int, resources: Iterable[str]) -> Claim | None:
    """Take a pending experiment of a running task, together with this host's `resources`.

    None when another worker was first, the task no longer runs, or a resource is in use.
    """
    token = secrets.token_hex(16)
    host = this_host()
    me = ProcessIdentity.of(os.getpid())
    try:
        with transaction.atomic():
            taken = Experiment.objects.filter(
                pk=experiment_pk,
                status=Experiment.Status.PENDING,
                run=F("task__run"),
                task__status=Task.Status.RUNNING,
            ).update(
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
            for resource in resources:
                ResourceLease.objects.create(
                    host=host, resource=resource, experiment_id=experiment_pk, token=token
                )
            experiment = Experiment.objects.get(pk=experiment_pk)
    except IntegrityError:  # a resource is in use; the claim was rolled back with it
        return None
    return Claim(experiment_pk, experiment.task_id, experiment.run, experiment.attempt, token, host)


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
    raise NoFreePort(
        f"no port of {first}-{last} is free; set PORT_RANGE to a wider range or stop what uses them"
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
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

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
                except DatabaseError as error:  # locked or full: try again until the lease is over
                    logger.warning(
                        "heartbeat of experiment %d: %s", self._claim.experiment_pk, error
                    )
                    if timezone.now() > expires_at:
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
        wanted = Task.objects.filter(
            pk=self._claim.task_pk, run=self._claim.run, status=Task.Status.RUNNING
        ).exists()
        if not wanted:
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
