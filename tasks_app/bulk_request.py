"""Which tasks an action on the list means: those that were ticked, or all that a filter finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from django.http import QueryDict
from django.urls import reverse

from tasks_app.list_filter import FilterForm
from tasks_app.models import Task

MAX_DIGITS = 15


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
            pks = [*sent.getlist("task"), *sent.get("tasks", "").split(",")]
            found = Task.objects.filter(pk__in=[int(pk) for pk in set(pks) if _is_key(pk)])
        count = found.count()
        if count > limit:
            problem = f"{count:,} tasks are too many: at most {limit:,} at a time. Narrow the list."
            return cls((), filters, problem=problem)
        if not count:
            return cls((), filters, problem="Select at least one task first.")
        return cls(list(found), filters, is_all=bool(sent.get("all")))

    @property
    def back(self) -> str:
        """The list as it was, from where this came."""
        return reverse("task_list") + (f"?{self.filters}" if self.filters else "")

    @property
    def keys(self) -> str:
        """In one field: a thousand would be refused."""
        return ",".join(str(task.pk) for task in self.tasks)


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
