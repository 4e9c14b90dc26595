"""A data set as its page shows it: first rows, and how the lengths are spread."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.forms import ColumnsForm
from tasks_app.datasets.reading import ANSWER_NAMES, PROMPT_NAMES, Format, Look, look_at
from tasks_app.datasets.storing import first_rows
from tasks_app.models import Dataset, Task

ROWS = 10
SAMPLES = 3
LONGEST_SHOWN = 400
HEIGHT, BAR = 60, 10
UNITS = ("tokens", "characters")


@dataclass(frozen=True)
class Bar:
    """Of a histogram, in the picture's own units."""

    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True)
class Lengths:
    """Of prompts or of answers, in one unit."""

    what: str
    unit: str
    figures: Mapping[str, Any]

    @property
    def bars(self) -> Iterator[Bar]:
        bins = self.figures["bins"]
        most = max(count for _, _, count in bins) or 1
        for index, (low, high, count) in enumerate(bins):
            height = round(HEIGHT * count / most, 1)
            title = f"{low:,} to {high:,} {self.unit}: {count:,}"
            yield Bar(index * BAR, HEIGHT - height, height, title)

    @property
    def width(self) -> int:
        return len(self.figures["bins"]) * BAR


class DatasetPage:
    def __init__(self, dataset: Dataset, form: ColumnsForm | None = None) -> None:
        self.dataset = dataset
        self._form = form

    @property
    def is_choosing(self) -> bool:
        return self.dataset.status == Dataset.Status.CHOOSING

    @property
    def is_failed(self) -> bool:
        return self.dataset.status == Dataset.Status.FAILED

    @property
    def format_words(self) -> str:
        return Format(self.dataset.format).words if self.dataset.format else ""

    @cached_property
    def users(self) -> list[Task]:
        return list(self.dataset.users()[:50])

    @property
    def percent(self) -> int | None:
        """How much of it has come, where that is known."""
        expected = self.dataset.expected_bytes
        return min(100, round(100 * self.dataset.taken_bytes / expected)) if expected else None

    @cached_property
    def rows(self) -> list[tuple[str, str]]:
        """The first ones; none where the files are gone, which `files_fault` says."""
        if not self.dataset.is_ready:
            return []
        try:
            found = first_rows(self.dataset.folder, ROWS)
        except (DatasetError, OSError):
            return []
        return [(_cut(prompt), _cut(answer or "")) for prompt, answer in found]

    @property
    def files_fault(self) -> bool:
        return self.dataset.is_ready and not self.rows

    @property
    def lengths(self) -> Iterator[Lengths]:
        for what in ("prompts", "answers"):
            for unit in UNITS:
                figures = self.dataset.lengths.get(what, {}).get(unit)
                if figures:
                    yield Lengths(what, unit, figures)

    @cached_property
    def look(self) -> Look | None:
        """The columns to choose from, with some of what stands in each."""
        try:
            name = self.dataset.unpacked_name.read_text()
            return look_at(self.dataset.unpacked, name, Format(self.dataset.format))
        except (DatasetError, OSError, ValueError):
            return None

    @property
    def columns(self) -> list[tuple[str, list[str]]]:
        if self.look is None:
            return []
        return [
            (name, [_cut(text) for text in islice(texts, SAMPLES)])
            for name, texts in self.look.columns.items()
        ]

    @cached_property
    def form(self) -> ColumnsForm:
        if self._form is not None:
            return self._form
        guessed = {}
        if self.look is not None:
            guessed["prompt_column"] = self.look.guess(PROMPT_NAMES)
            guessed["answer_column"] = self.look.guess(ANSWER_NAMES)
        return ColumnsForm(self.dataset, initial=guessed)


def _cut(text: str) -> str:
    text = text.replace("\0", "")
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
