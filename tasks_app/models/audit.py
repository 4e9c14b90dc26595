"""Who did what, when and from where. Written once, never changed; only its age removes an entry."""

from datetime import datetime
from typing import Any, NoReturn, Self

from django.db import models
from django.utils import timezone

CHANGES = {"details": "renamed or described", "bulk": "edited with others"}


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **changes: Any) -> NoReturn:
        raise TypeError("entries of the audit are never changed")

    def delete(self) -> NoReturn:
        raise TypeError("entries of the audit go by their age alone")

    def expire(self, before: datetime) -> int:
        """Remove what happened before then; how many entries that were."""
        return super().filter(at__lt=before)._raw_delete(self.db)

    def of_day_range(self, since: datetime | None, until: datetime | None) -> Self:
        found = self if since is None else self.filter(at__gte=since)
        return found if until is None else found.filter(at__lt=until)


class AuditEntry(models.Model):
    """One act. It names whom and what it was about as text: it outlives both.

    `who` is empty where nobody is known: the site itself, or a sign-in that failed. `origin`: the
    address of a browser, or the command.
    """

    at = models.DateTimeField(default=timezone.now)
    who = models.CharField(max_length=200, blank=True)
    origin = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=60, help_text="As task.started.")
    object_id = models.CharField(max_length=100, blank=True)
    object_name = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name = "audit entry"
        verbose_name_plural = "audit"
        indexes = (
            models.Index(fields=("-at", "-id"), name="audit_at"),
            models.Index(fields=("action", "-at"), name="audit_action"),
            models.Index(fields=("who", "-at"), name="audit_who"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.who or self.origin} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("entries of the audit are never changed")
        super().save(*args, **kwargs)

    @property
    def kind(self) -> str:
        """What it is about: task, preset, account, …"""
        return self.action.partition(".")[0]

    @property
    def words(self) -> str:
        """`task started`; a change by its kind is told as one."""
        kind, _, verb = self.action.partition(".")
        return f"{kind} {CHANGES.get(verb, verb.replace('_', ' '))}"

    @property
    def details_shown(self) -> str:
        """`run 2 · why the disk is full`"""
        return " · ".join(f"{name} {_shown(value)}" for name, value in self.details.items())

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("entries of the audit go by their age alone")


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
