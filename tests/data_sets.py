"""Data sets as tests want them: kept already, or a file that is taken for real."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from experiments_app.datasets import taking
from tasks_app.datasets.adding import add_parts
from tasks_app.datasets.lengths import summary
from tasks_app.datasets.reading import Format, Row
from tasks_app.datasets.storing import Stored, store
from tasks_app.models import Dataset

ROWS: tuple[tuple[str, str | None], ...] = (
    ("Why is the sky blue?", "Because of the air."),
    ("Name three rivers.", "The Nile, the Rhine and the Po."),
    ("What is a prime number?", None),
)


def make_dataset(
    name: str = "questions", rows: Iterable[tuple[str, str | None]] = ROWS, **changes: Any
) -> Dataset:
    """Ready to be used, its tokens not counted."""
    dataset = Dataset.objects.create(
        name=name, source="questions.jsonl", status=Dataset.Status.TAKING
    )
    dataset.format = Format.JSONL

    def keep(stored: Stored) -> None:
        lengths = {"prompts": {"characters": summary(stored.prompt_lengths)}}
        assert dataset.finish(stored, lengths)

    lines = (Row(number, *row) for number, row in enumerate(rows, 1))
    store(lines, dataset.incoming / "made", settings.HOME.datasets, keep=keep)
    dataset.incoming.rmdir()
    Dataset.objects.filter(pk=dataset.pk).update(**changes)
    dataset.refresh_from_db()
    return dataset


def taken(content: bytes, file_name: str = "x.jsonl", **options: Any) -> Dataset:
    """What came of a file that was sent."""
    dataset = add_parts([content], file_name, **options)
    taking.take(dataset.pk)
    dataset.refresh_from_db()
    return dataset
