"""The history of a task: each text it had, and who wrote it."""

from django.conf import settings
from django.db import models

from tasks_app.models.sealed import SealedDocument


class TaskVersion(models.Model):
    """What a task said from one change of it to the next. Written once, never changed."""

    class Kind(models.TextChoices):
        CREATED = "created"
        IMPORTED = "imported"
        DUPLICATED = "duplicated"
        EDITED = "edited"
        DETAILS = "details", "name or description"
        BULK = "bulk", "bulk edit"
        RESTORED = "restored"

    task = models.ForeignKey("tasks_app.Task", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.EDITED)
    spec = SealedDocument(help_text="The task file as this version has it.")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("task", "number")
        constraints = (
            models.UniqueConstraint(
                fields=("task", "number"), name="version_number_unique_in_task"
            ),
        )

    def __str__(self) -> str:
        return f"{self.task} version {self.number}"
