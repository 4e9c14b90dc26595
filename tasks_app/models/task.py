"""The Task: what a user wants tuned, and how far that is."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from tasks_app.audit import record
from tasks_app.models.label import Label
from tasks_app.models.sealed import SealedSection
from tasks_app.models.version import TaskVersion
from tasks_app.spec import TaskSpec
from tasks_app.transitions import tell

SPEC_FIELDS = (
    "description",
    "deployment_mode",
    "base_runtime",
    "runtime_image_tag",
    "runtime_image",
    "model",
    "parameters",
    "fixed_parameters",
    "constraints",
    "optimization",
    "slo",
    "benchmark",
    "environment",
    "use_gpus",
    "container",
    "readiness",
    "access",
    "quality",
    "cost",
)


class StaleState(Exception):
    """The row is not in the state that the transition starts from; the message says what it is."""


class TaskQuerySet(models.QuerySet["Task"]):
    def running(self) -> Self:
        return self.filter(status=Task.Status.RUNNING)

    def under_way(self) -> Self:
        """Those whose run has begun and not ended: running, or paused."""
        return self.filter(status__in=[s for s in Task.Status if s.is_under_way])

    def archived(self) -> Self:
        return self.filter(archived_at__isnull=False)

    def in_use(self) -> Self:
        """Those that nobody has put away."""
        return self.filter(archived_at__isnull=True)


class Task(models.Model):
    """A tuning task: what to serve, which flags to try, under which load, for which objective.

    The columns from `description` to `cost` are the sections of the task file; they hold
    what `TaskSpec.to_data()` gives and are written together by `apply_spec()`.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

        @property
        def is_finished(self) -> bool:
            return self in {Task.Status.COMPLETED, Task.Status.FAILED, Task.Status.CANCELLED}

        @property
        def is_under_way(self) -> bool:
            """Its run has begun and not ended."""
            return self in {Task.Status.RUNNING, Task.Status.PAUSED}

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    deployment_mode = models.CharField(max_length=20)
    base_runtime = models.CharField(max_length=100)
    runtime_image_tag = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    runtime_image = models.CharField(max_length=500, null=True, blank=True)  # noqa: DJ001
    model = models.JSONField()
    parameters = models.JSONField()
    fixed_parameters = models.JSONField(default=dict, blank=True)
    constraints = models.JSONField(default=list, blank=True)
    optimization = models.JSONField()
    slo = models.JSONField(default=dict, blank=True)
    benchmark = models.JSONField()
    environment = SealedSection(default=dict, blank=True)
    use_gpus = models.BooleanField(default=True)
    container = models.JSONField(default=dict, blank=True)
    readiness = models.JSONField(default=dict, blank=True)
    access = SealedSection(default=dict, blank=True)
    quality = models.JSONField(default=dict, blank=True)
    cost = models.JSONField(default=dict, blank=True)

    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    message = models.TextField(
        blank=True, help_text="Why the task ended as it did, or why it is paused."
    )
    run = models.PositiveIntegerField(default=1)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when nothing of a paused run has been under way."
    )
    paused_s = models.FloatField(
        default=0.0, help_text="Seconds of the run that were spent on nothing: they do not count."
    )
    held_for = models.CharField(
        max_length=20,
        blank=True,
        help_text="What the site itself paused it for, and resumes it by itself; empty where"
        " somebody did.",
    )
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was put away: kept, and left out of the list."
    )
    labels = models.ManyToManyField(Label, blank=True, related_name="tasks")

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (
            models.CheckConstraint(name="task_run_counts_from_1", condition=Q(run__gte=1)),
            models.CheckConstraint(
                name="task_runs_only_when_not_archived",
                condition=Q(archived_at__isnull=True) | ~Q(status__in=["running", "paused"]),
            ),
            models.CheckConstraint(
                name="task_completed_at_only_when_finished",
                condition=Q(completed_at__isnull=True)
                | Q(status__in=["completed", "failed", "cancelled"]),
            ),
        )
        indexes = (
            models.Index(fields=("status",), name="task_status"),
            models.Index(fields=("archived_at", "-created_at", "-id"), name="task_list_order"),
            models.Index(fields=("base_runtime",), name="task_base_runtime"),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_spec(cls, spec: TaskSpec, **fields: Any) -> "Task":
        """An unsaved task that holds `spec`."""
        task = cls(**fields)
        task.apply_spec(spec)
        return task

    @staticmethod
    def columns_of(spec: TaskSpec) -> dict[str, Any]:
        """The columns that hold a spec, the name apart."""
        data = spec.to_data()
        return {field: data[field] for field in SPEC_FIELDS}

    @classmethod
    def create(
        cls,
        spec: TaskSpec,
        *,
        user: User | None = None,
        how: TaskVersion.Kind = TaskVersion.Kind.CREATED,
    ) -> "Task":
        """The saved task, its first version kept. Raises IntegrityError where the name is taken."""
        task = cls.from_spec(spec, created_by=user)
        with transaction.atomic():
            task.save(force_insert=True)
            task.keep_version(how, user)
        return task

    def keep_version(self, how: TaskVersion.Kind, user: User | None) -> None:
        """Remember what the task says now, and who made it say so."""
        record(f"task.{how}", self, user=user, version=self.version)
        self.versions.create(
            number=self.version,
            kind=how,
            spec=self.spec_data(),
            changed_by=user,
            changed_at=self.updated_at,
        )

    def apply_spec(self, spec: TaskSpec) -> None:
        self.name = spec.task_name
        for field, value in self.columns_of(spec).items():
            setattr(self, field, value)

    def spec_data(self) -> dict[str, Any]:
        """The task file's content, keys in the file's order."""
        return {"task_name": self.name} | {field: getattr(self, field) for field in SPEC_FIELDS}

    @property
    def spec(self) -> TaskSpec:
        """The stored spec. It was checked when it was saved, so catalogue checks are not redone."""
        return TaskSpec.model_validate(self.spec_data())

    @property
    def current_status(self) -> Status:
        return self.Status(self.status)

    @property
    def state_words(self) -> str:
        return f"is {self.status}{' and archived' if self.archived_at else ''}"

    @property
    def elapsed(self) -> timedelta | None:
        """Time from the start of the current run to its end, or to now; pauses do not count."""
        if self.started_at is None:
            return None
        until = self.completed_at or self.paused_at or timezone.now()
        return max(until - self.started_at - timedelta(seconds=self.paused_s), timedelta())

    # Transitions: each is one guarded UPDATE; whoever gets no row lost the race.

    def replace_spec(
        self,
        spec: TaskSpec,
        *,
        version: int,
        user: User | None = None,
        how: TaskVersion.Kind = TaskVersion.Kind.EDITED,
    ) -> None:
        """Full replacement by `spec`, made on the text of `version`; it is kept as a new version.

        Raises StaleState when the task runs or was changed since that version was read, and
        IntegrityError where its new name is taken.
        """
        changes = self.columns_of(spec)
        with transaction.atomic():
            self._transition(
                Q(version=version) & ~self._under_way(),
                name=spec.task_name,
                version=F("version") + 1,
                updated_at=timezone.now(),
                **changes,
            )
            self.keep_version(how, user)

    def edit_details(
        self, *, name: str, description: str, version: int, user: User | None = None
    ) -> None:
        """Another name or description, also while it runs: neither changes what is measured.

        Raises SpecError, and what `replace_spec` raises."""
        changes = {"task_name": name, "description": description}
        spec = TaskSpec.from_data(self.spec_data() | changes)
        with transaction.atomic():
            self._transition(
                Q(version=version),
                name=spec.task_name,
                description=spec.description,
                version=F("version") + 1,
                updated_at=timezone.now(),
            )
            self.keep_version(TaskVersion.Kind.DETAILS, user)

    def archive(self) -> None:
        """Put an idle task away: it is kept, and left out of the list."""
        idle = Q(archived_at=None) & ~self._under_way()
        with transaction.atomic():
            self._transition(idle, archived_at=timezone.now())
            record("task.archived", self)

    def bring_back(self) -> None:
        with transaction.atomic():
            self._transition(Q(archived_at__isnull=False), archived_at=None)
            record("task.brought_back", self)

    def start(
        self,
        *,
        gpus: int | None = None,
        memory: Mapping[str, Any] | None = None,
        user: User | None = None,
    ) -> None:
        """Begin the first run of a task that has never run, on a host with so many GPUs.

        `memory`: what the run may learn from other tasks."""
        pending = Q(status=self.Status.PENDING)
        self._begin(pending, run=1, gpus=gpus, memory=memory, started_by=user)

    def restart(
        self,
        *,
        gpus: int | None = None,
        memory: Mapping[str, Any] | None = None,
        reuse: bool = True,
        user: User | None = None,
    ) -> None:
        """Begin a new run of a task whose last run has ended.

        `reuse`: whether what earlier runs measured may be taken over."""
        finished = [status for status in self.Status if status.is_finished]
        again = Q(status__in=finished, run=self.run)
        of_run = {"gpus": gpus, "memory": memory, "reuse": reuse, "started_by": user}
        self._begin(again, run=self.run + 1, **of_run)

    def extend(self, max_iterations: int) -> None:
        """Go on with the run that has ended, up to so many experiments, the baseline not counted.

        The time since its end does not count as spent.
        """
        finished = Q(status__in=[s for s in self.Status if s.is_finished], run=self.run)
        with transaction.atomic():
            now = self._locked()
            idle_s = 0.0
            if now.completed_at is not None:
                idle_s = max((timezone.now() - now.completed_at).total_seconds(), 0.0)
            changes: dict[str, Any] = {
                "status": self.Status.RUNNING,
                "message": "",
                "completed_at": None,
                "paused_s": now.paused_s + idle_s,
            }
            self._transition(finished, archived_at=None, **changes)
            self.runs.filter(number=self.run).update(
                max_iterations=max_iterations, cancelled_by=None, **changes
            )
            record("task.extended", self, run=self.run, experiments=max_iterations)

    def complete(self, message: str = "") -> None:
        self._end(self.Status.COMPLETED, Q(status=self.Status.RUNNING, run=self.run), message)

    def fail(self, message: str) -> None:
        self._end(self.Status.FAILED, Q(run=self.run) & self._under_way(), message)

    def pause(self, message: str = "paused", *, held_for: str = "") -> None:
        """Begin no further experiment; the one under way is measured to its end."""
        self._hold(self.Status.RUNNING, self.Status.PAUSED, message, self._pause_begins, held_for)

    def resume(self) -> None:
        """Go on with the run where it was paused."""
        self._hold(self.Status.PAUSED, self.Status.RUNNING, "", self._pause_over)

    def cancel(self, message: str = "cancelled", *, user: User | None = None) -> None:
        """End the run now; whoever runs an experiment of it sees this and takes it down."""
        self._end(
            self.Status.CANCELLED,
            Q(run=self.run) & (Q(status=self.Status.PENDING) | self._under_way()),
            message,
            cancelled_by=user,
        )

    def _begin(self, condition: Q, *, run: int, **of_run: Any) -> None:
        now = timezone.now()
        with transaction.atomic():
            self._transition(
                condition,
                status=self.Status.RUNNING,
                archived_at=None,
                run=run,
                message="",
                started_at=now,
                completed_at=None,
                paused_at=None,
                paused_s=0.0,
                held_for="",
            )
            self.runs.create(number=run, spec=self.spec_data(), started_at=now, **of_run)
            record("task.started", self, user=of_run.get("started_by"), run=run)

    def _hold(
        self,
        before: Status,
        after: Status,
        message: str,
        clock: Callable[["Task"], dict[str, Any]],
        held_for: str = "",
    ) -> None:
        """`clock` says from the row as it stands what becomes of the columns that count pauses."""
        with transaction.atomic():
            changes = {"status": after, "message": message, **clock(self._locked())}
            self._transition(Q(status=before, run=self.run), held_for=held_for, **changes)
            verb = "paused" if after is self.Status.PAUSED else "resumed"
            record(f"task.{verb}", self, run=self.run, why=message)
            self.runs.filter(number=self.run).update(**changes)
            tell(self)

    def _locked(self) -> "Task":
        """The row as it stands, nobody changing it until the transaction is through."""
        return Task.objects.select_for_update().filter(pk=self.pk).first() or self

    @staticmethod
    def _pause_begins(task: "Task") -> dict[str, Any]:
        return {"paused_at": timezone.now()}

    @staticmethod
    def _pause_over(task: "Task") -> dict[str, Any]:
        """What the columns that count pauses are once one ends now, if there is one."""
        if task.paused_at is None:
            return {}
        took_s = (timezone.now() - task.paused_at).total_seconds()
        return {"paused_at": None, "paused_s": task.paused_s + max(took_s, 0.0)}

    @classmethod
    def _under_way(cls) -> Q:
        return Q(status__in=[status for status in cls.Status if status.is_under_way])

    def _end(self, status: Status, condition: Q, message: str, **of_run: Any) -> None:
        with transaction.atomic():
            changes = {
                "status": status,
                "message": message,
                "completed_at": timezone.now(),
                **self._pause_over(self._locked()),
            }
            self._transition(condition, **changes)
            self.runs.filter(number=self.run).update(**changes, **of_run)
            if status is self.Status.CANCELLED:
                record("task.cancelled", self, user=of_run.get("cancelled_by"), run=self.run)
            tell(self)

    def _transition(self, condition: Q, **changes: Any) -> None:
        if Task.objects.filter(condition, pk=self.pk).update(**changes) != 1:
            current = Task.objects.filter(pk=self.pk).first()
            state = current.state_words if current else "was deleted"
            raise StaleState(f"Task {self.name!r} {state} or was changed meanwhile.")
        self.refresh_from_db()
