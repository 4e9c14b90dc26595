"""What is removed by its age, and what is kept for ever: what runs, and the newest run of a task.

Each rule is a setting, and 0, where all of them start but the one for the log of notifications,
keeps everything.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from experiments_app import removal
from experiments_app.models import Delivery, Experiment, Measurement
from tasks_app.audit import record
from tasks_app.models import AuditEntry, Run, StaleState, Task

RULES = {
    "KEEP_RUNS": "newest runs of each task; older ones go with all they measured",
    "KEEP_RUN_DAYS": "days that a run is kept after its end",
    "KEEP_FILES_DAYS": "days that the logs and raw results of an experiment are kept",
    "KEEP_SAMPLES_DAYS": "days that the figures of single requests are kept; the statistics stay",
    "KEEP_ARCHIVED_DAYS": "days after which a task that was archived is deleted",
    "KEEP_AUDIT_DAYS": "days that the audit is kept",
    "KEEP_DELIVERY_DAYS": "days that the log of notifications is kept",
}
VACUUM_AT = 0.25
"""From this part of the database that holds nothing any more, it is made smaller."""


@dataclass
class Pruned:
    """How much was removed, or would be."""

    tasks: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    files_bytes: int = 0
    samples: int = 0
    audit_entries: int = 0
    deliveries: int = 0
    database_bytes: int = 0

    @property
    def anything(self) -> bool:
        return bool(
            self.tasks
            or self.runs
            or self.files_bytes
            or self.samples
            or self.audit_entries
            or self.deliveries
        )

    def __str__(self) -> str:
        return (
            f"{len(self.tasks)} archived tasks, {len(self.runs)} runs,"
            f" {self.files_bytes / 1024**2:.1f} MiB of files, the samples of {self.samples} load"
            f" levels, {self.audit_entries} entries of the audit, {self.deliveries} notifications"
        )


def prune(*, dry_run: bool = False) -> Pruned:
    """Remove what is older than the settings keep. Safe while tasks run, and when killed."""
    done = Pruned()
    for task in _old_archived():
        _prune_task(task, done, dry_run=dry_run)
    for run in _old_runs():
        _prune_run(run, done, dry_run=dry_run)
    for experiment in _with_old_files():
        _prune_files(experiment, done, dry_run=dry_run)
    _prune_samples(done, dry_run=dry_run)
    _prune_audit(done, dry_run=dry_run)
    _prune_deliveries(done, dry_run=dry_run)
    if done.anything and not dry_run:
        record("data.pruned", name=str(done))
    return done


def _before(setting: str) -> datetime | None:
    """What happened before then is too old; None where the rule is off."""
    days: int = getattr(settings, setting)
    return timezone.now() - timedelta(days=days) if days else None


def _old_archived() -> Iterator[Task]:
    before = _before("KEEP_ARCHIVED_DAYS")
    if before is not None:
        yield from Task.objects.filter(archived_at__lt=before)


def _prune_task(task: Task, done: Pruned, *, dry_run: bool) -> None:
    size_bytes = _size(*removal.files_of(task))
    if not dry_run:
        try:
            removal.delete_task(task)
        except StaleState:  # brought back and started in this moment
            return
    done.tasks.append(task.name)
    done.files_bytes += size_bytes


def _old_runs() -> Iterator[Run]:
    """Ended ones that are not their task's newest, beyond the number or the age that is kept."""
    rule = Q(pk__in=())
    if settings.KEEP_RUNS:
        rule |= Q(number__lte=F("task__run") - settings.KEEP_RUNS)
    if before := _before("KEEP_RUN_DAYS"):
        rule |= Q(completed_at__lt=before)
    yield from _idle(Run.objects.filter(rule).select_related("task").defer("spec"))


def _idle(runs: "QuerySet[Run]") -> "QuerySet[Run]":
    active = Experiment.objects.active().filter(task=F("task"))
    return (
        runs.filter(number__lt=F("task__run"), completed_at__isnull=False)
        .exclude(task__in=active.values("task"))
        .order_by("task", "number")
    )


def _prune_run(run: Run, done: Pruned, *, dry_run: bool) -> None:
    folder = removal.results_of(run.task) / f"run_{run.number}"
    done.runs.append(str(run))
    done.files_bytes += _size(*folder.rglob("*"))
    if dry_run:
        return
    with transaction.atomic():
        Experiment.objects.started_for_run(run.task, run.number).delete()
        run.delete()
    shutil.rmtree(folder, ignore_errors=True)


def _of_earlier_runs(before: datetime) -> "QuerySet[Experiment]":
    ended = Experiment.objects.filter(completed_at__lt=before, run__lt=F("task__run"))
    return ended.exclude(status__in=[s for s in Experiment.Status if not s.is_finished])


def _with_old_files() -> Iterator[Experiment]:
    before = _before("KEEP_FILES_DAYS")
    if before is not None:
        yield from (
            _of_earlier_runs(before).exclude(result_folder="").only("pk", "task", "result_folder")
        )


def _prune_files(experiment: Experiment, done: Pruned, *, dry_run: bool) -> None:
    folder = Path(experiment.result_folder)
    if not folder.is_relative_to(settings.HOME.results):  # never what is not ours
        return
    done.files_bytes += _size(*folder.rglob("*"))
    if dry_run:
        return
    shutil.rmtree(folder, ignore_errors=True)
    Experiment.objects.filter(pk=experiment.pk).update(result_folder="", log_path="")


def _prune_samples(done: Pruned, *, dry_run: bool) -> None:
    before = _before("KEEP_SAMPLES_DAYS")
    if before is None:
        return
    rows = Measurement.objects.filter(experiment__in=_of_earlier_runs(before)).exclude(samples={})
    done.samples += rows.count() if dry_run else rows.update(samples={})


def _prune_audit(done: Pruned, *, dry_run: bool) -> None:
    before = _before("KEEP_AUDIT_DAYS")
    if before is None:
        return
    old = AuditEntry.objects.filter(at__lt=before).count()
    done.audit_entries += old if dry_run else AuditEntry.objects.expire(before)


def _prune_deliveries(done: Pruned, *, dry_run: bool) -> None:
    """Those that are done with: what is still on its way stays."""
    before = _before("KEEP_DELIVERY_DAYS")
    if before is None:
        return
    old = Delivery.objects.filter(created_at__lt=before)
    old = old.exclude(status=Delivery.Status.PENDING)
    done.deliveries += old.count() if dry_run else old.delete()[0]


def _size(*files: Path) -> int:
    """Bytes of those that are there; one that goes meanwhile counts nothing."""
    total = 0
    for file in files:
        try:
            total += file.lstat().st_size
        except OSError:
            continue
    return total


def spare_bytes() -> int:
    """How much of the database file holds nothing any more; 0 where it is no file."""
    if connection.vendor != "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA freelist_count")
        pages = cursor.fetchone()[0]
        cursor.execute("PRAGMA page_size")
        return int(pages * cursor.fetchone()[0])


def vacuum(*, always: bool = False) -> int:
    """Give the disk back what the database does not need; how many bytes that were.

    It takes the room of a second database, and nobody writes meanwhile: without `always` it is
    done only where it gains much and nothing runs.
    """
    if connection.vendor != "sqlite":
        return 0
    path, spare = Path(str(connection.settings_dict["NAME"])), spare_bytes()
    size_bytes = path.stat().st_size
    if not always and (spare < VACUUM_AT * size_bytes or Experiment.objects.active().exists()):
        return 0
    if shutil.disk_usage(path.parent).free < 2 * (size_bytes - spare):
        return 0
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return size_bytes - path.stat().st_size
