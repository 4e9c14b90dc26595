"""Which tasks the list shows: what its address asks for."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from tasks_app.models import Label, Task

ARCHIVED = (("", "In use"), ("yes", "Archived"), ("all", "Archived or not"))
LONGEST_SEARCH = 1_000
"""More than any name has; SQLite breaks off at some 50,000."""
CHOOSERS = ("status", "runtime", "label", "owner", "archived")


class FilterForm(forms.Form):
    """Offers the runtimes, labels and owners that some task has."""

    q = forms.CharField(
        required=False,
        label="Search",
        max_length=LONGEST_SEARCH,
        widget=forms.TextInput(
            attrs={
                "class": "form-control",
                "type": "search",
                "placeholder": "Search name, description, model",
            }
        ),
    )
    status = forms.ChoiceField(required=False, choices=[("", "Any status"), *Task.Status.choices])
    archived = forms.ChoiceField(required=False, label="Archive", choices=ARCHIVED)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._counts = {"status": len(Task.Status), "archived": 2}
        runtimes = Task.objects.order_by("base_runtime").values_list("base_runtime", flat=True)
        self._offer("runtime", "Any engine", runtimes.distinct())
        self._offer("label", "Any label", Label.objects.values_list("name", flat=True))
        has_tasks = Exists(Task.objects.filter(created_by=OuterRef("pk")))
        owners = User.objects.filter(has_tasks).order_by("username")
        self._offer("owner", "Any owner", owners.values_list("username", flat=True))
        for name in CHOOSERS:
            self.fields[name].widget.attrs["class"] = "form-select"

    def _offer(self, name: str, anything: str, values: "QuerySet[Any, str]") -> None:
        offered = [("", anything), *((value, value) for value in values)]
        self.fields[name] = forms.ChoiceField(required=False, label=name, choices=offered)
        self._counts[name] = len(offered) - 1

    @property
    def choosers(self) -> list[forms.BoundField]:
        """The fields beside the search; one that offers no choice is left out."""
        least = {"label": 1}
        return [
            self[name]
            for name in CHOOSERS
            if self[name].value() or self._counts[name] >= least.get(name, 2)
        ]

    @property
    def is_active(self) -> bool:
        self.full_clean()
        return any(self.cleaned_data.values())

    def apply(self, tasks: QuerySet[Task]) -> QuerySet[Task]:
        """A filter that cannot be read is left out."""
        self.full_clean()
        return filtered(tasks, self.cleaned_data)


def filtered(tasks: QuerySet[Task], asked: Mapping[str, Any]) -> QuerySet[Task]:
    """Those that are asked for by `q`, `status`, `runtime`, `label`, `owner` and `archived`."""
    if words := asked.get("q"):
        tasks = tasks.filter(
            Q(name__icontains=words)
            | Q(description__icontains=words)
            | Q(model__id_or_path__icontains=words)
        )
    columns = {
        "status": asked.get("status"),
        "base_runtime": asked.get("runtime"),
        "labels__name": asked.get("label"),
        "created_by__username": asked.get("owner"),
    }
    tasks = tasks.filter(**{column: value for column, value in columns.items() if value})
    match asked.get("archived"):
        case "all":
            return tasks
        case "yes":
            return tasks.filter(archived_at__isnull=False)
    return tasks.filter(archived_at__isnull=True)
