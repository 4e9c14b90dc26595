"""A data set: prompts of the users' own, with where they came from and how far the taking is."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from tasks_app.audit import record
from tasks_app.datasets.reading import Format, Kind
from tasks_app.datasets.storing import Stored
from tasks_app.models.task import StaleState, Task

DEAD_AFTER = timedelta(seconds=90)
"""Whoever takes one says so every few seconds; after so long without a word nobody does."""


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def ready(self) -> Self:
        return self.filter(status=Dataset.Status.READY)


class Dataset(models.Model):
    """What it holds never changes once it is ready: a task that names it means these prompts."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        TAKING = "taking"
        CHOOSING = "choosing", "a column is to be chosen"
        READY = "ready"
        FAILED = "failed"

        @property
        def is_under_way(self) -> bool:
            return self in {Dataset.Status.WAITING, Dataset.Status.TAKING}

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    source = models.CharField(max_length=2_000, help_text="The file's name, or its address.")
    is_remote = models.BooleanField(default=False)
    format = models.CharField(
        max_length=20, blank=True, choices=[(one.value, one.words) for one in Format]
    )
    prompt_column = models.CharField(max_length=200, blank=True)
    answer_column = models.CharField(max_length=200, blank=True)
    turns = models.CharField(
        max_length=10, default=Kind.FIRST, choices=[(one.value, one.value) for one in Kind]
    )
    columns = models.JSONField(default=list, blank=True)

    status = models.CharField(max_length=20, choices=Status, default=Status.WAITING)
    message = models.TextField(blank=True, help_text="Why it could not be taken.")
    taken_bytes = models.BigIntegerField(default=0)
    expected_bytes = models.BigIntegerField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    sha256 = models.CharField(max_length=64, blank=True)
    rows = models.PositiveIntegerField(default=0)
    answers = models.PositiveIntegerField(default=0)
    left_out = models.JSONField(default=dict, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    lengths = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                name="dataset_has_prompts_when_ready",
                condition=~Q(status="ready") | (~Q(sha256="") & Q(rows__gt=0)),
            ),
        )
        indexes = (models.Index(fields=("sha256",), name="dataset_sha256"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.status == Dataset.Status.READY

    @property
    def is_under_way(self) -> bool:
        return Dataset.Status(self.status).is_under_way

    @property
    def shown_source(self) -> str:
        """Without the query of an address, which may hold a key."""
        return self.source.partition("?")[0] if self.is_remote else self.source

    @property
    def folder(self) -> Path:
        """Of its prompts."""
        return Path(settings.HOME.datasets) / self.sha256

    @property
    def incoming(self) -> Path:
        """Of what is not taken yet."""
        return Path(settings.HOME.datasets) / "incoming" / str(self.pk)

    @property
    def uploaded(self) -> Path:
        return self.incoming / "raw"

    @property
    def unpacked(self) -> Path:
        """The data file, while a column is to be chosen."""
        return self.incoming / "data"

    @property
    def unpacked_name(self) -> Path:
        """A file that holds what the data file was called."""
        return self.incoming / "name"

    def users(self) -> models.QuerySet[Task]:
        """The tasks that name it."""
        return Task.objects.filter(benchmark__dataset=self.name).order_by("name")

    # How it goes

    def begin(self) -> bool:
        """Whether it is ours to take now: another worker may have begun."""
        return self._move(Dataset.Status.WAITING, Dataset.Status.TAKING, taken_bytes=0)

    def note(self, taken_bytes: int, expected_bytes: int | None) -> bool:
        """How far the taking is; False where nobody wants it any more."""
        return self._move(
            Dataset.Status.TAKING,
            Dataset.Status.TAKING,
            taken_bytes=taken_bytes,
            expected_bytes=expected_bytes,
        )

    def ask_columns(self, format_: Format, columns: list[str]) -> bool:
        known = {"format": format_, "columns": columns}
        return self._move(Dataset.Status.TAKING, Dataset.Status.CHOOSING, **known)

    def choose(self, prompt_column: str, answer_column: str) -> None:
        """Raises StaleState where there is nothing to choose any more."""
        chosen = {"prompt_column": prompt_column, "answer_column": answer_column}
        with transaction.atomic():
            if not self._move(Dataset.Status.CHOOSING, Dataset.Status.WAITING, **chosen):
                raise StaleState(f"The data set {self.name!r} has gone on, or away, meanwhile.")
            record("dataset.columns_chosen", self, prompts=prompt_column, answers=answer_column)

    def finish(self, stored: Stored, lengths: dict[str, Any]) -> bool:
        with transaction.atomic():
            is_ours = self._move(
                Dataset.Status.TAKING,
                Dataset.Status.READY,
                sha256=stored.sha256,
                rows=stored.rows,
                answers=stored.answers,
                left_out=stored.left_out,
                size_bytes=stored.size_bytes,
                format=self.format,
                prompt_column=self.prompt_column,
                answer_column=self.answer_column,
                lengths=lengths,
                source=self.shown_source,  # what follows in an address may be a key to it
            )
            if is_ours:
                record("dataset.taken", self, sha256=stored.sha256, rows=stored.rows)
        return is_ours

    def fail(self, message: str, *, by_hand: bool = False) -> bool:
        """Give the taking up; it can be tried again from an address."""
        changes = {"status": Dataset.Status.FAILED, "message": message[:2_000]}
        under_way = [s for s in Dataset.Status if s.is_under_way or s is Dataset.Status.CHOOSING]
        with transaction.atomic():
            is_ours = bool(self._rows(*under_way).update(**changes))
            if is_ours:
                record("dataset.cancelled" if by_hand else "dataset.failed", self)
        return is_ours

    def try_again(self) -> None:
        """Raises StaleState where it did not fail, or was a file that is gone."""
        with transaction.atomic():
            if not self.is_remote or not self._move(
                Dataset.Status.FAILED, Dataset.Status.WAITING, message="", expected_bytes=None
            ):
                raise StaleState(f"The data set {self.name!r} cannot be fetched again.")
            record("dataset.fetched_again", self)

    def is_left_alone(self) -> bool:
        """Whether whoever took it is dead."""
        seen = self.seen_at or self.created_at
        return self.status == Dataset.Status.TAKING and seen < timezone.now() - DEAD_AFTER

    def _rows(self, *statuses: "Dataset.Status") -> models.QuerySet["Dataset"]:
        return Dataset.objects.filter(pk=self.pk, status__in=statuses)

    def _move(self, old: "Dataset.Status", new: "Dataset.Status", **changes: Any) -> bool:
        moved = self._rows(old).update(status=new, seen_at=timezone.now(), **changes)
        return moved == 1
