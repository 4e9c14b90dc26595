"""The Experiment: one configuration, started, measured and taken down."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from experiments_app.models.experiment_queries import ExperimentQuerySet
from tasks_app.models import StaleState, Task


class Experiment(models.Model):
    """One configuration, started, measured and taken down. Number 0 is the baseline.

    A configuration that is measured again is started again: that is a row of the same number whose
    `repeat` is 2, 3, …. It says how that went; what it measured belongs to the first row, as
    Measurements of its `repeat`, and so does the score. One that verifies a deployment after the
    run keeps its Measurements itself: nothing that the run has found changes by it.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DEPLOYING = "deploying"
        BENCHMARKING = "benchmarking"
        SUCCESS = "success"
        FAILED = "failed"
        PRUNED = "pruned"
        CANCELLED = "cancelled"

        @property
        def is_active(self) -> bool:
            """A worker holds it."""
            return self in {Experiment.Status.DEPLOYING, Experiment.Status.BENCHMARKING}

        @property
        def is_finished(self) -> bool:
            return self is not Experiment.Status.PENDING and not self.is_active

    class Purpose(models.TextChoices):
        """What it was measured for."""

        SEARCH = "search"
        DRIFT = "drift"
        FINAL = "final"
        VERIFY = "verify"

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="experiments")
    run = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    repeat = models.PositiveIntegerField(default=1)
    purpose = models.CharField(max_length=20, choices=Purpose, default=Purpose.SEARCH)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    parameters = models.JSONField(default=dict, blank=True)

    # Why it was chosen
    reason = models.CharField(
        max_length=300, blank=True, help_text="Why the search chose this configuration."
    )
    reused_from = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="reuses",
        help_text="The experiment of an earlier run whose measurements these are.",
    )
    repair_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="repairs",
        help_text="The failed experiment that this one tries with a changed flag.",
    )

    # What was started
    command = models.JSONField(default=list, blank=True)
    image_digest = models.CharField(max_length=300, blank=True)
    engine_version = models.CharField(max_length=200, blank=True)
    driver_version = models.CharField(max_length=100, blank=True)
    gpu_ids = models.JSONField(default=list, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    container_id = models.CharField(max_length=100, blank=True)

    # How long each phase took
    pull_s = models.FloatField(null=True, blank=True)
    start_s = models.FloatField(null=True, blank=True)
    warm_up_s = models.FloatField(null=True, blank=True)
    measure_s = models.FloatField(null=True, blank=True)
    stop_s = models.FloatField(null=True, blank=True)
    progress = models.JSONField(
        default=dict, blank=True, help_text="What happens now: phase, level, requests done."
    )

    # How it ended
    objective_score = models.FloatField(null=True, blank=True)
    feasible = models.BooleanField(null=True, blank=True)
    slo_excess = models.FloatField(
        null=True, blank=True, help_text="Largest relative excess over an SLO, if infeasible."
    )
    scores = models.JSONField(
        default=dict, blank=True, help_text="The value of each of several objectives."
    )
    bound = models.FloatField(
        null=True,
        blank=True,
        help_text="The best score that a pruned experiment could have had.",
    )
    load_search = models.JSONField(
        default=dict,
        blank=True,
        help_text="For each scenario, the highest load found that holds the SLO, and the verdict.",
    )
    quality = models.JSONField(
        default=dict, blank=True, help_text="How its answers compare with the baseline's."
    )
    verification = models.JSONField(
        default=dict,
        blank=True,
        help_text="Of a verification: what was promised, what was measured, and what differs.",
    )
    error_kind = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    log_path = models.CharField(max_length=500, blank=True)
    result_folder = models.CharField(max_length=500, blank=True)

    # Who runs it: the claim of a worker, good until `lease_expires_at`
    attempt = models.PositiveIntegerField(default=0)
    owner_token = models.CharField(max_length=40, blank=True)
    owner_host = models.CharField(max_length=200, blank=True)
    owner_pid = models.PositiveIntegerField(null=True, blank=True)
    owner_started = models.FloatField(
        null=True, blank=True, help_text="Start time of the owning process, seconds since 1970."
    )
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When somebody cancelled a verification; all else is cancelled with its task.",
    )

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        ordering = ("task", "run", "number")
        constraints = (
            models.UniqueConstraint(
                fields=("task", "run", "number", "repeat"), name="experiment_number_unique_in_run"
            ),
            models.CheckConstraint(
                name="experiment_score_only_on_success",
                condition=Q(objective_score__isnull=True) | Q(status="success"),
            ),
            models.CheckConstraint(
                name="experiment_score_exactly_when_feasible",
                condition=Q(feasible=True, objective_score__isnull=False)
                | (
                    Q(objective_score__isnull=True) & (Q(feasible__isnull=True) | Q(feasible=False))
                ),
            ),
            models.CheckConstraint(
                name="experiment_owned_exactly_when_active",
                condition=(Q(status__in=["deploying", "benchmarking"]) & ~Q(owner_token=""))
                | (~Q(status__in=["deploying", "benchmarking"]) & Q(owner_token="")),
            ),
        )
        indexes = (
            models.Index(fields=("status",), name="experiment_status"),
            # The best of a run is its end of this index, however many experiments it has.
            models.Index(fields=("task", "run", "objective_score"), name="experiment_score"),
            models.Index(fields=("created_at",), name="experiment_created_at"),
            models.Index(
                fields=("error_kind",), condition=~Q(error_kind=""), name="experiment_error_kind"
            ),
        )

    def __str__(self) -> str:
        again = f" repeat {self.repeat}" if self.is_repeat else ""
        return f"{self.task} run {self.run} experiment {self.number}{again}"

    @property
    def current_status(self) -> Status:
        return self.Status(self.status)

    @property
    def is_baseline(self) -> bool:
        return self.number == 0

    @property
    def is_repeat(self) -> bool:
        return self.repeat > 1

    @property
    def is_verification(self) -> bool:
        return self.purpose == self.Purpose.VERIFY

    def original(self) -> "Experiment":
        """The experiment whose configuration this one measures: itself, unless it is a repeat."""
        if not self.is_repeat:
            return self
        return Experiment.objects.of_run(self.task, self.run).get(number=self.number)

    @property
    def quality_s(self) -> float | None:
        """What asking for answers took; None where none were asked for."""
        return self.quality.get("seconds") if self.reused_from_id is None else None

    @property
    def phases_s(self) -> dict[str, float | None]:
        """Seconds of each phase, None where it was not reached."""
        return {
            "pull": self.pull_s,
            "start": self.start_s,
            "warm_up": self.warm_up_s,
            "quality": self.quality_s,
            "measure": self.measure_s,
            "stop": self.stop_s,
        }

    @property
    def elapsed(self) -> timedelta | None:
        if self.started_at is None:
            return None
        return (self.completed_at or timezone.now()) - self.started_at

    # Transitions out of an active state: only the worker whose token stands in the row may.

    def write(self, token: str, **changes: Any) -> None:
        """Write columns as the owner `token`. Raises StaleState when the claim was taken back."""
        owned = Experiment.objects.filter(pk=self.pk, owner_token=token).exclude(owner_token="")
        if owned.update(**changes) != 1:
            raise StaleState(f"{self}: the claim of this worker was taken back.")
        for name, value in changes.items():
            setattr(self, name, value)

    def begin_benchmark(self, token: str, **changes: Any) -> None:
        self.write(token, status=self.Status.BENCHMARKING, **changes)

    def succeed(
        self, token: str, *, score: float | None, slo_excess: float | None, **changes: Any
    ) -> None:
        """End as measured; without a score no load level held the SLO: kept, but infeasible."""
        self._end(
            token,
            self.Status.SUCCESS,
            objective_score=score,
            feasible=score is not None,
            slo_excess=slo_excess,
            **changes,
        )

    def succeed_again(self, token: str, **changes: Any) -> None:
        """End as measured once more: figures and score are the original's."""
        self._end(token, self.Status.SUCCESS, **changes)

    def fail(self, token: str, *, kind: str, error: str, **changes: Any) -> None:
        self._end(token, self.Status.FAILED, error_kind=kind, error=error, **changes)

    def prune(self, token: str, *, bound: float | None, why: str, **changes: Any) -> None:
        """End with some levels not measured: at best it would have scored `bound`, which is no
        better than another one; None: it cannot hold the SLO."""
        self._end(
            token,
            self.Status.PRUNED,
            bound=bound,
            feasible=False if bound is None else None,
            error=why,
            **changes,
        )

    def cancel(self, token: str, **changes: Any) -> None:
        self._end(token, self.Status.CANCELLED, **changes)

    def hand_back(self, token: str, *, attempt_counts: bool = True) -> None:
        """Give the experiment back, to be run again from its start; cancelled if its run is over.

        An attempt that ended in order, with its worker, does not count towards the limit.
        """
        with transaction.atomic():  # a cancel waits until we are through, or is seen here
            if not self.is_wanted():
                self.cancel(token)
                return
            self.write(
                token,
                status=self.Status.PENDING,
                attempt=self.attempt if attempt_counts else self.attempt - 1,
                **self._not_begun(),
                **self._unowned(),
            )

    @classmethod
    def requeue_cancelled(cls, task: Task) -> None:
        """Those of the task's run that a cancel took away are to be run after all."""
        cancelled = cls.objects.of_run(task).filter(status=cls.Status.CANCELLED)
        for experiment in cancelled:
            experiment.measurements.all().delete()
        cancelled.update(
            status=cls.Status.PENDING, attempt=0, completed_at=None, **cls._not_begun()
        )

    def take_over(
        self,
        source: "Experiment",
        *,
        score: float | None,
        slo_excess: float | None,
        at: datetime,
        **changes: Any,
    ) -> None:
        """End without being run, with what `source` measured. Raises StaleState where it is not
        pending."""
        pending = Experiment.objects.filter(pk=self.pk, status=self.Status.PENDING)
        taken = pending.update(
            status=self.Status.SUCCESS,
            reused_from=source,
            objective_score=score,
            feasible=score is not None,
            slo_excess=slo_excess,
            completed_at=at,
            **changes,
        )
        if taken != 1:
            raise StaleState(f"{self}: it is not pending any more.")
        self.refresh_from_db()

    def requeue(self) -> None:
        """Give a failed experiment of a run that still goes on another try, from its start.

        Raises StaleState where it did not fail, or where its run is over.
        """
        with transaction.atomic():  # the run cannot end until we are through, or is seen here
            if not self.is_wanted():
                raise StaleState(f"{self}: its run is over. Start the task again instead.")
            failed = Experiment.objects.filter(pk=self.pk, status=self.Status.FAILED)
            failed = failed.exclude(purpose=self.Purpose.VERIFY)  # verified anew instead
            again = failed.update(
                status=self.Status.PENDING,
                attempt=0,
                error_kind="",
                error="",
                completed_at=None,
                **self._not_begun(),
            )
            if again != 1:
                raise StaleState(f"{self}: only a failed experiment is tried again.")
            self.measurements.all().delete()  # of the levels before it failed
        self.refresh_from_db()

    def is_wanted(self) -> bool:
        """Whether the run that it belongs to still goes on; a verification is, until cancelled."""
        return Experiment.objects.wanted().filter(pk=self.pk).exists()

    def _end(self, token: str, status: Status, **changes: Any) -> None:
        now = timezone.now()
        self.write(
            token,
            status=status,
            progress={},
            completed_at=now,
            **self._unowned(),
            **changes,
        )
        if self.is_verification:
            return
        # A paused task is idle only from here on.
        Task.objects.filter(pk=self.task_id, run=self.run, status=Task.Status.PAUSED).update(
            paused_at=now
        )

    @staticmethod
    def _not_begun() -> dict[str, Any]:
        times = dict.fromkeys(("start_s", "warm_up_s", "measure_s", "stop_s"))
        return {"progress": {}, "started_at": None, **times}

    @staticmethod
    def _unowned() -> dict[str, Any]:
        return {"owner_token": "", "lease_expires_at": None}
