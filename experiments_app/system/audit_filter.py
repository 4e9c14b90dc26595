"""Which entries of the audit are asked for, and how they leave the site."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from django import forms
from django.db.models import Q
from django.utils import timezone

from tasks_app.models.audit import AuditEntry, AuditQuerySet

KINDS = (
    ("", "Everything"),
    ("task", "Tasks"),
    ("experiment", "Experiments"),
    ("preset", "Presets"),
    ("label", "Labels"),
    ("log", "Logs"),
    ("setting", "Settings"),
    ("machine", "Containers, images and models"),
    ("account", "Accounts and sign-ins"),
    ("role", "Roles"),
    ("data", "Data that was removed by its age"),
)
COLUMNS = ("at", "who", "origin", "action", "object_id", "object_name", "details")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute instead of showing it."""


class DayInput(forms.DateInput):
    """A browser takes nothing but a day in it: what is none is told in the error."""

    input_type = "date"

    def format_value(self, value: object) -> str | None:
        shown = super().format_value(value)
        try:
            date.fromisoformat(shown or "")
        except ValueError:
            return None
        return shown


class AuditFilter(forms.Form):
    who = forms.CharField(required=False, max_length=200, label="Who")
    kind = forms.ChoiceField(required=False, choices=KINDS, label="What")
    about = forms.CharField(required=False, max_length=200, label="Name or number")
    since = forms.DateField(required=False, label="From", widget=DayInput)
    until = forms.DateField(required=False, label="To", widget=DayInput)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for name, field in self.fields.items():
            style = "form-select" if name == "kind" else "form-control"
            field.widget.attrs["class"] = f"{style} form-control-sm"

    def entries(self) -> AuditQuerySet:
        """Those that are asked for, the newest first; none where the question is wrong."""
        if not self.is_valid():
            return AuditEntry.objects.none()
        asked = self.cleaned_data
        found = AuditEntry.objects.all()
        if asked["who"]:
            found = found.filter(Q(who__icontains=asked["who"]) | Q(origin=asked["who"]))
        if asked["kind"]:
            found = found.filter(action__startswith=f"{asked['kind']}.")
        if asked["about"]:
            about = asked["about"]
            found = found.filter(Q(object_name__icontains=about) | Q(object_id=about))
        return found.of_day_range(_start(asked["since"]), _end(asked["until"]))

    def clean(self) -> None:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first.")


def csv_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """A head, then one line an entry; times in ISO 8601 with their zone."""
    yield _line(COLUMNS)
    for entry in entries:
        row = as_data(entry)
        details = json.dumps(row["details"], ensure_ascii=False) if row["details"] else ""
        yield _line([harmless(str(value)) for value in (row | {"details": details}).values()])


def json_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    for entry in entries:
        yield json.dumps(as_data(entry), ensure_ascii=False) + "\n"


def as_data(entry: AuditEntry) -> dict[str, object]:
    data: dict[str, object] = {name: getattr(entry, name) for name in COLUMNS}
    return data | {"at": entry.at.isoformat()}


def harmless(text: str) -> str:
    """With a quotation mark before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _start(day: date | None) -> datetime | None:
    return _midnight(day) if day else None


def _end(day: date | None) -> datetime | None:
    """That day counts whole."""
    return _midnight(day + timedelta(days=1)) if day and day < date.max else None


def _midnight(day: date) -> datetime | None:
    try:
        return timezone.make_aware(datetime.combine(day, time()))
    except OverflowError:  # the first day that a calendar has, in a zone east of Greenwich
        return None
