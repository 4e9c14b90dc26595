"""Takes back what dead workers left: claims, leases and processes of this host.

Safe at any moment and any number of times: it takes only what no living worker holds.
"""

import logging
from collections.abc import Collection
from dataclasses import astuple, dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from docker.errors import DockerException
from requests import RequestException

from experiments_app import task_log
from experiments_app.containers.client import DockerUnreachable, connect
from experiments_app.containers.removal import remove_orphans, site_containers
from experiments_app.leases import MAX_ATTEMPTS, this_host
from experiments_app.models import Experiment, ResourceLease
from experiments_app.processes import ProcessIdentity, find_marked, stop_processes
from tasks_app.models import StaleState

logger = logging.getLogger(__name__)

STOP_GRACE_S = 2.0


@dataclass(frozen=True)
class Reaped:
    """What was taken back."""

    requeued: int = 0
    failed: int = 0
    cancelled: int = 0
    processes: int = 0
    containers: int = 0
    leases: int = 0

    @property
    def anything(self) -> bool:
        return any(astuple(self))

    def __str__(self) -> str:
        return (
            f"{self.requeued} experiments queued again, {self.failed} failed,"
            f" {self.cancelled} cancelled; {self.processes} processes ended,"
            f" {self.containers} containers removed, {self.leases} leases taken back"
        )


def reap() -> Reaped:
    """Servers first: nothing is queued again while its orphan still uses the machine."""
    dead = [experiment for experiment in Experiment.objects.active() if _is_abandoned(experiment)]
    dead_tokens = {experiment.owner_token for experiment in dead}
    processes = _end_orphans(dead_tokens)
    containers = remove_orphaned_containers(dead_tokens)
    outcomes = [_take_back(experiment) for experiment in dead]
    leases = _delete_orphaned_leases()
    reaped = Reaped(
        requeued=outcomes.count(Experiment.Status.PENDING),
        failed=outcomes.count(Experiment.Status.FAILED),
        cancelled=outcomes.count(Experiment.Status.CANCELLED),
        processes=processes,
        containers=containers,
        leases=leases,
    )
    if reaped.anything:
        logger.info("reaped: %s", reaped)
    return reaped


def _is_abandoned(experiment: Experiment) -> bool:
    """On this host the owner's process tells; elsewhere only the lease's end does.

    A living owner whose lease ran out is stuck; its later writes will find the token gone.
    """
    if experiment.lease_expires_at is None or experiment.lease_expires_at < timezone.now():
        return True
    if experiment.owner_host != this_host() or experiment.owner_pid is None:
        return False
    owner = ProcessIdentity(experiment.owner_pid, experiment.owner_started or 0.0)
    return not owner.is_alive()


def _end_orphans(dead_tokens: set[str]) -> int:
    """End this site's processes on this host that belong to no live claim."""
    # In this order: a claim is older than its processes, so one that is made between the two
    # looks cannot lose the processes that it starts.
    marked = find_marked(f"{settings.SITE_ID}:")
    live = set(Experiment.objects.active().values_list("owner_token", flat=True)) - dead_tokens
    orphans = [p.identity for p in marked if p.marker.rpartition(":")[2] not in live]
    if survivors := stop_processes(orphans, STOP_GRACE_S):
        logger.error("processes that cannot be ended: %s", survivors)
    return len(orphans)


def remove_orphaned_containers(dead_tokens: Collection[str] = ()) -> int:
    """Remove this site's containers on this host that belong to no live claim; how many.

    Without a Docker engine there is nothing to remove now: it is tried again with the next reap.
    """
    try:
        with connect() as client:
            # In this order, as above. A container carries its claim from its creation on.
            found = site_containers(client)
            live = set(Experiment.objects.active().values_list("owner_token", flat=True))
            return remove_orphans(found, live - set(dead_tokens))
    except DockerUnreachable:
        return 0
    except (DockerException, RequestException, OSError) as error:
        logger.warning("containers that nobody owns could not be removed: %s", error)
        return 0


def _take_back(experiment: Experiment) -> Experiment.Status | None:
    """Queue an abandoned experiment again, or end it. None when its worker came back to life."""
    token = experiment.owner_token
    try:
        with transaction.atomic():
            if experiment.attempt >= MAX_ATTEMPTS and experiment.is_wanted():
                experiment.fail(
                    token,
                    kind="worker_lost",
                    error=f"its worker died {experiment.attempt} times while running it",
                )
            else:
                experiment.hand_back(token)
            ResourceLease.objects.filter(token=token).delete()
    except StaleState:
        return None
    task_log.write(
        experiment.task_id,
        f"the worker of attempt {experiment.attempt} is gone: {experiment.current_status}",
        run=experiment.run,
        number=experiment.number,
    )
    return experiment.current_status


def _delete_orphaned_leases() -> int:
    """One statement: a claim made meanwhile keeps what it leased."""
    live = Experiment.objects.active().values("owner_token")
    count, _ = ResourceLease.objects.exclude(token__in=live).delete()
    return count
