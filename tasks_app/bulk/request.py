"""Which tasks an action on the list means: those that were ticked, or all that a filter finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from django.http import QueryDict
from django.urls import reverse

from autotuner_site.requests import whole_number
from tasks_app.list_filter import FilterForm
from tasks_app.models import Task

LONGEST_QUERY = 3_000
"""Of an address: servers take 4,094 characters in all."""


@dataclass(frozen=True)
class BulkRequest:
    """`problem` says why nothing can be done; `filters` is the address of the list it came from.

    `is_all`: found by the filter, so that nobody has seen each of them.
    """

    tasks: Sequence[Task]
    filters: str
    is_all: bool = False
    problem: str = ""

    @classmethod
    def read(cls, sent: QueryDict, *, limit: int) -> Self:
        asked = QueryDict(sent.get("filters", ""))
        filters = asked.urlencode()
        if sent.get("all"):
            form = FilterForm(asked)
            if not form.is_valid():
                return cls((), filters, problem="A filter could not be read; nothing was done.")
            found = form.apply(Task.objects.all())
        else:
            texts = [*sent.getlist("task"), *sent.get("tasks", "").split(",")]
            pks = {pk for text in texts if (pk := whole_number(text)) is not None}
            if len(pks) > limit:  # more than a query of the database may name, perhaps
                return cls((), filters, problem=_too_many(len(pks), limit))
            found = Task.objects.filter(pk__in=pks)
        count = found.count()
        if count > limit:
            return cls((), filters, problem=_too_many(count, limit))
        if not count:
            return cls((), filters, problem="Select at least one task first.")
        return cls(list(found), filters, is_all=bool(sent.get("all")))

    @property
    def back(self) -> str:
        return list_address(self.filters)

    @property
    def keys(self) -> str:
        """In one field: a thousand would be refused."""
        return ",".join(str(task.pk) for task in self.tasks)


def list_address(filters: str) -> str:
    """The list as it was, from where this came; all of it where no address can say that."""
    query = QueryDict(filters).urlencode()
    return reverse("task_list") + (f"?{query}" if 0 < len(query) <= LONGEST_QUERY else "")


def _too_many(count: int, limit: int) -> str:
    return f"{count:,} tasks are too many: at most {limit:,} at a time. Narrow the list."
