"""What programs sign in with, and what they were answered: the site's own tables."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

SEEN_EVERY = timedelta(minutes=1)
"""How exactly `last_used_at` is kept: a write for each request would cost more than it tells."""


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime) -> Self:
        lasting = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.filter(lasting, revoked_at=None)


class ApiToken(models.Model):
    """A secret by which a program does what its user may. Only its hash is kept.

    `prefix` is how it begins, to be told from others. A revoked one stays in the list.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "name"),
                condition=Q(revoked_at=None),
                name="api_token_name_unique_while_in_use",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def state(self) -> str:
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return "expired"
        return "in use" if self.last_used_at else "not used yet"

    @property
    def is_usable(self) -> bool:
        return self.state not in {"revoked", "expired"}

    def note_use(self) -> None:
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at >= SEEN_EVERY:
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)


class IdempotentCall(models.Model):
    """What a call with an Idempotency-Key was answered; without a `status` it is under way."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="idempotent_calls"
    )
    key = models.CharField(max_length=200)
    call_sha256 = models.CharField(max_length=64, help_text="Of method, path and body.")
    status = models.PositiveIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("user", "key"), name="idempotency_key_unique_of_user"),
        )
        indexes = (models.Index(fields=("created_at",), name="idempotent_call_created_at"),)

    def __str__(self) -> str:
        return f"{self.user} {self.key}"
