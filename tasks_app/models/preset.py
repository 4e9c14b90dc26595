"""Presets: parameter sets that people keep to use again."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from tasks_app.audit import record
from tasks_app.models.task import StaleState


class Preset(models.Model):
    """A parameter set of one runtime. Those that come with the product are files, not rows.

    `parameters` and `fixed_parameters` are written as in the task file; `notes` says of each flag
    why it is there.
    """

    base_runtime = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    fixed_parameters = models.JSONField(default=dict, blank=True)
    notes = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("base_runtime", "name")
        constraints = (
            models.UniqueConstraint(
                fields=("base_runtime", "name"), name="preset_name_unique_in_runtime"
            ),
        )

    def __str__(self) -> str:
        return f"{self.base_runtime} {self.name}"

    def replace(self, data: dict[str, Any], *, seen: datetime) -> None:
        """Write the columns of `data` over what was read at `seen`.

        Raises StaleState when the preset was changed since or deleted, and IntegrityError where
        its new name is taken.
        """
        with transaction.atomic():
            stored = Preset.objects.filter(pk=self.pk, updated_at=seen)
            if stored.update(**data, updated_at=timezone.now()) != 1:
                raise StaleState(f"The preset {self.name!r} was changed or deleted meanwhile.")
            record("preset.changed", self)
        self.refresh_from_db()
