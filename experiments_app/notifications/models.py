"""Who is told of what, by which way, and what became of it.

A `Delivery` is written in the transaction in which its task changes: who is told is decided there,
once, and what is killed after that is sent later.
"""

import uuid
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from autotuner_site.sealing import is_sealed
from tasks_app.models import Task
from tasks_app.models.sealed import SealedSection

MOST_FAILURES = 20
"""Tries in a row that fail, before a channel is switched off."""


class ChannelQuerySet(models.QuerySet["Channel"]):
    def in_use(self) -> Self:
        return self.filter(is_on=True, confirmed_at__isnull=False, user__is_active=True)


class Channel(models.Model):
    """One way to one person, or to a program of theirs.

    `private` holds what nobody is shown again: a webhook's address, which is often a secret by
    itself, and the secret that its messages are signed with; the address of e-mails.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Webhook"
        EMAIL = "email", "E-mail"

    class Scope(models.TextChoices):
        MINE = "mine", "tasks that I made or started"
        ALL = "all", "all tasks"
        FOLLOWED = "followed", "only tasks that I follow"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="channels"
    )
    number = models.PositiveIntegerField(help_text="Counts the channels of its user.")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=100)
    private = SealedSection(default=dict)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.MINE)
    on_ended = models.BooleanField(default=True)
    on_failed = models.BooleanField(default=True)
    on_waiting = models.BooleanField(default=True)
    is_on = models.BooleanField(default=True)
    off_reason = models.TextField(blank=True, help_text="Why the site switched it off.")
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="When its reader said that the address is theirs."
    )
    confirmation_sent_at = models.DateTimeField(null=True, blank=True)
    failures_in_row = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        ordering = ("user", "number")
        constraints = (
            models.UniqueConstraint(fields=("user", "number"), name="channel_number_unique"),
        )

    def __str__(self) -> str:
        return f"{self.user} {self.number} {self.name}"

    @property
    def url(self) -> str:
        return str(self.private.get("url", ""))

    @property
    def secret(self) -> str:
        return str(self.private.get("secret", ""))

    @property
    def address(self) -> str:
        return str(self.private.get("address", ""))

    @property
    def is_readable(self) -> bool:
        """Whether the key that it was stored with is still there."""
        return not any(is_sealed(value) for value in self.private.values())

    @property
    def target(self) -> str:
        """Where it leads, as its owner and administrators may see it."""
        if not self.is_readable:
            return "cannot be read: the key that it was stored with is gone"
        if self.kind == self.Kind.EMAIL:
            return self.address
        parts = urlsplit(self.url)
        more = "/…" if parts.path.strip("/") or parts.query else ""
        return f"{parts.scheme}://{parts.netloc}{more}"

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_at is not None

    @property
    def state(self) -> str:
        if not self.is_on:
            return "off"
        return "on" if self.is_confirmed else "not confirmed"

    @property
    def events(self) -> list[str]:
        """Of what it tells, in words."""
        chosen = (self.on_ended, "ended"), (self.on_failed, "failed"), (self.on_waiting, "waiting")
        return [word for is_chosen, word in chosen if is_chosen]

    def succeeded(self) -> None:
        Channel.objects.filter(pk=self.pk).exclude(failures_in_row=0).update(failures_in_row=0)

    def failed(self) -> bool:
        """Count a try that failed; whether the channel is switched off by it."""
        rows = Channel.objects.filter(pk=self.pk)
        rows.update(failures_in_row=F("failures_in_row") + 1)
        return self.switch_off(
            f"{MOST_FAILURES} tries in a row failed", failures_in_row__gte=MOST_FAILURES
        )

    def switch_off(self, reason: str = "", **condition: Any) -> bool:
        rows = Channel.objects.filter(pk=self.pk, is_on=True, **condition)
        return rows.update(is_on=False, off_reason=reason) == 1

    def switch_on(self) -> None:
        Channel.objects.filter(pk=self.pk).update(is_on=True, off_reason="", failures_in_row=0)


class TaskFollow(models.Model):
    """What one wants of a single task, whatever the channels say of all of them."""

    class Wish(models.TextChoices):
        FOLLOW = "follow"
        MUTE = "mute"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="follows")
    wish = models.CharField(max_length=10, choices=Wish)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "task"), name="task_followed_once"),)

    def __str__(self) -> str:
        return f"{self.user} {self.wish} {self.task}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self) -> Self:
        """Those that are to be tried now and that no worker holds."""
        now = timezone.now()
        is_free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
        return self.filter(is_free, status=Delivery.Status.PENDING, next_try_at__lte=now)


class Delivery(models.Model):
    """One event on its way to one channel. It names its task by number and name: it is kept where
    the task is deleted.

    `happened_at` is the time of the change itself: a run that goes on and ends again, or is paused
    twice, is told of each time, and of each time once.
    """

    class Event(models.TextChoices):
        ENDED = "ended"
        FAILED = "failed"
        WAITING = "waiting"
        TEST = "test"

    class Status(models.TextChoices):
        PENDING = "pending", "on its way"
        DELIVERED = "delivered"
        GIVEN_UP = "given_up", "given up"

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=10, choices=Event)
    task_number = models.PositiveBigIntegerField(default=0, help_text="0: of no task.")
    task_name = models.CharField(max_length=200, blank=True)
    run = models.PositiveIntegerField(default=0)
    happened_at = models.DateTimeField()
    task_status = models.CharField(max_length=20, blank=True)
    message = models.TextField(blank=True)

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    payload = models.JSONField(
        null=True, help_text="What is sent: made at the first try, the same at each later one."
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    next_try_at = models.DateTimeField(null=True, default=timezone.now)
    claim = models.CharField(max_length=40, blank=True)
    claimed_until = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0, help_text="Since it was sent the last time.")
    attempts = models.JSONField(
        default=list, help_text="Each try: at, ok, status, duration_s, error, answer."
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(
                fields=("channel", "task_number", "run", "event", "happened_at"),
                condition=~Q(event="test"),
                name="event_told_once_to_a_channel",
            ),
        )
        indexes = (
            models.Index(
                fields=("next_try_at",), condition=Q(status="pending"), name="delivery_due"
            ),
            models.Index(fields=("channel", "-created_at"), name="delivery_log"),
            models.Index(fields=("created_at",), name="delivery_created_at"),
        )

    def __str__(self) -> str:
        return f"{self.event} of {self.task_name or 'nothing'} to channel {self.channel_id}"

    @property
    def last(self) -> dict[str, Any]:
        """The latest try; empty before the first."""
        return self.attempts[-1] if self.attempts else {}
