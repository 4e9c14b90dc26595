"""A Run of a task: what was asked for when it started."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from tasks_app.models.sealed import SealedDocument
from tasks_app.models.task import Task
from tasks_app.spec import TaskSpec


class Run(models.Model):
    """One run of a task: the spec as it stood at the start, and how the run ended."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    spec = SealedDocument(help_text="The task file as it stood when the run started.")
    gpus = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many GPUs a configuration could have when the run started.",
    )
    max_iterations = models.PositiveIntegerField(
        null=True, blank=True, help_text="The budget as it was raised after the start."
    )
    memory = models.JSONField(
        null=True,
        blank=True,
        help_text="What was known from other tasks when the run started, so that a search that"
        " was interrupted goes on exactly where it was.",
    )
    outlook = models.JSONField(
        null=True, blank=True, help_text="What further experiments may gain, as it looked last."
    )
    final = models.JSONField(
        null=True,
        blank=True,
        help_text="How the leaders and the default compare, from measuring them again.",
    )
    provenance = models.JSONField(
        null=True,
        blank=True,
        help_text="What it takes to do the run again: versions, hardware, settings.",
    )
    reuse = models.BooleanField(
        default=True,
        help_text="Whether what an earlier run measured under the same conditions is taken over.",
    )
    chosen_number = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="The experiment that somebody took as the answer, instead of the best.",
    )
    status = models.CharField(max_length=20, choices=Task.Status, default=Task.Status.RUNNING)
    message = models.TextField(blank=True)
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_s = models.FloatField(default=0.0)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="started_runs",
    )
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="cancelled_runs",
    )

    class Meta:
        ordering = ("task", "number")
        constraints = (
            models.UniqueConstraint(fields=("task", "number"), name="run_number_unique_in_task"),
        )

    def __str__(self) -> str:
        return f"{self.task} run {self.number}"

    @property
    def current_status(self) -> Task.Status:
        return Task.Status(self.status)

    @property
    def elapsed(self) -> timedelta:
        """From its start to its end, or to now; pauses do not count."""
        until = self.completed_at or self.paused_at or timezone.now()
        return max(until - self.started_at - timedelta(seconds=self.paused_s), timedelta())

    @property
    def task_spec(self) -> TaskSpec:
        """What it is held to: as it stood at the start, with the budget as it was raised since."""
        return TaskSpec.model_validate(self.spec_data)

    @property
    def spec_data(self) -> dict[str, Any]:
        data: Mapping[str, Any] = self.spec
        if self.max_iterations is None:
            return dict(data)
        raised = data["optimization"] | {"max_iterations": self.max_iterations}
        return {**data, "optimization": raised}
