"""In which order the list of tasks stands. The database sorts, so that any number stays quick."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    F,
    FloatField,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable, Expression, ExpressionWrapper, OrderBy
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Lower, Now

from experiments_app.models import Experiment
from tasks_app.models import Run, Task


@dataclass(frozen=True)
class Sort:
    """One way to sort: its words for either direction, and the one that a first click gives."""

    name: str
    ascending: str
    descending: str
    starts_descending: bool = False

    @property
    def first(self) -> str:
        return f"-{self.name}" if self.starts_descending else self.name


SORTS: Mapping[str, Sort] = {
    sort.name: sort
    for sort in (
        Sort("created", "Oldest first", "Newest first", starts_descending=True),
        Sort("updated", "Changed longest ago", "Changed last", starts_descending=True),
        Sort("name", "Name A to Z", "Name Z to A"),
        Sort("runtime", "Engine A to Z", "Engine Z to A"),
        Sort("status", "Status A to Z", "Status Z to A"),
        Sort("owner", "Owner A to Z", "Owner Z to A"),
        Sort("gain", "Smallest gain", "Largest gain", starts_descending=True),
        Sort("elapsed", "Shortest run", "Longest run", starts_descending=True),
    )
}
DEFAULT_SORT = "-created"
SIZES = (25, 50, 100)
SORT_CHOICES = [
    choice
    for sort in SORTS.values()
    for choice in ((f"-{sort.name}", sort.descending), (sort.name, sort.ascending))
]


def is_sort(text: str) -> bool:
    return text.removeprefix("-") in SORTS and not text.startswith("--")


def ordered(tasks: QuerySet[Task], sort: str) -> QuerySet[Task]:
    """Sorted by the name of a Sort, a minus before it for downwards; what has no value is last."""
    name, is_descending = sort.removeprefix("-"), sort.startswith("-")
    key = _keys()[name]
    by = key.desc(nulls_last=True) if is_descending else key.asc(nulls_last=True)
    if name == "created":  # cannot be null: plainly, so that its index is used
        by = key.desc() if is_descending else key.asc()
    ties = "-pk" if is_descending or name != "created" else "pk"
    orders: tuple[OrderBy | str, ...] = (by, ties)
    return tasks.order_by(*orders)


def _keys() -> dict[str, F | Lower | Expression]:
    return {
        "created": F("created_at"),
        "updated": F("updated_at"),
        "name": Lower("name"),
        "runtime": F("base_runtime"),
        "status": F("status"),
        "owner": Lower("created_by__username"),
        "gain": _gain(),
        "elapsed": ExpressionWrapper(
            Coalesce(F("completed_at"), Now(), output_field=DateTimeField()) - F("started_at"),
            output_field=DateTimeField(),
        ),
    }


def _gain() -> Case:
    """As `best.gain_of`: what the final says, else what is best over the baseline, more or less
    being better."""
    of_run = Experiment.objects.filter(
        task=OuterRef("pk"), run=OuterRef("run"), objective_score__isnull=False
    )
    final = Run.objects.filter(
        task=OuterRef("pk"), number=OuterRef("run"), final__is_done=True, final__gain__isnull=False
    )
    confirmed = Subquery(
        final.values(gain=Cast(KT("final__gain"), FloatField()))[:1], output_field=FloatField()
    )
    baseline = _score(of_run.filter(number=0))
    highest = _score(of_run.order_by("-objective_score"))
    lowest = _score(of_run.order_by("objective_score"))
    return Case(
        # The ratio of a gain is the gain and 1.
        When(
            Exists(final),
            then=ExpressionWrapper(confirmed + Value(1.0), output_field=FloatField()),
        ),
        When(optimization__objective__startswith="maximize_", then=_ratio(highest, baseline)),
        default=_ratio(baseline, lowest),
        output_field=FloatField(),
    )


def _score(experiments: QuerySet[Experiment]) -> Subquery:
    return Subquery(experiments.values("objective_score")[:1], output_field=FloatField())


def _ratio(better: Combinable, worse: Combinable) -> Expression:
    return ExpressionWrapper(better / worse, output_field=FloatField())


@dataclass(frozen=True)
class Column:
    """A column's head; one that sorts has a `link`, and `aria_sort` says how it stands now."""

    title: str
    link: str = ""
    aria_sort: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class ListOrder:
    """How the list stands, as its address says: sorted by what, how many on a page."""

    sort: str
    size: int

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> Self:
        """What cannot be read is as if it were not there."""
        sort, size = asked.get("sort", ""), asked.get("size", "")
        return cls(
            sort=sort if is_sort(sort) else DEFAULT_SORT,
            size=next((known for known in SIZES if str(known) == size), SIZES[0]),
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        return SIZES

    @property
    def choices(self) -> list[tuple[str, str]]:
        return SORT_CHOICES

    @property
    def columns(self) -> list[Column]:
        return [
            self._column("Task", "name"),
            self._column("Engine", "runtime"),
            self._column("Status", "status"),
            Column("Progress"),
            Column("Best score", is_number=True),
            self._column("Gain", "gain", is_number=True),
            self._column("Elapsed", "elapsed", is_number=True),
            self._column("Owner", "owner"),
            self._column("Created", "created"),
        ]

    def _column(self, title: str, name: str, *, is_number: bool = False) -> Column:
        if self.sort.removeprefix("-") != name:
            return Column(title, SORTS[name].first, is_number=is_number)
        if self.sort.startswith("-"):
            return Column(title, name, "descending", is_number)
        return Column(title, f"-{name}", "ascending", is_number)
