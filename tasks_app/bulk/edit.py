"""One field of many tasks at once: each result is checked by the schema as if typed by hand."""

import copy
from typing import Any

from django.contrib.auth.models import User

from tasks_app.form.fields import OMITTED, FieldPlace
from tasks_app.form.sections import PLACES, SECTIONS
from tasks_app.masking import unmasked_document
from tasks_app.models import Task, TaskVersion
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.spec_diff import changes

NOTHING = "unchanged: it has this value already"


def editable(place: FieldPlace) -> bool:
    """A name belongs to one task; what is secret is put in where it can be hidden."""
    return place.path != "task_name" and not place.secret


def field_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen, section by section: `("Search", [("seed", "Seed"), …])`."""
    groups = [
        (section.title, [(p.name, p.label) for p in section.all_places if editable(p)])
        for section in SECTIONS
    ]
    return [(title, fields) for title, fields in groups if fields]


def find_place(name: str) -> FieldPlace | None:
    place = PLACES.get(name)
    return place if place is not None and editable(place) else None


def edit_field(task: Task, place: FieldPlace, text: str, user: User) -> str:
    """Give the field what `text` says, the default where it is empty; what changed, in words.

    Raises StaleState while it runs, SpecError where the task would not be right,
    DocumentError for a text that cannot be read.
    """
    before, spec = task.spec_data(), changed(task, place, text)
    if spec == task.spec:
        return NOTHING
    task.replace_spec(spec, version=task.version, user=user, how=TaskVersion.Kind.BULK)
    found = changes(before, spec.to_data())
    return "; ".join(f"{c.before or 'not set'} → {c.after or 'not set'}" for c in found)


def changed(task: Task, place: FieldPlace, text: str) -> TaskSpec:
    """A mask that was left standing is what each task has there."""
    stored = task.spec_data()
    document = copy.deepcopy(stored)
    _put(document, place.keys, place.read(text))
    filled = unmasked_document(document, stored)
    return validate_spec(filled, catalogue=site_runtimes())[0]


def _put(document: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    *parents, last = keys
    for key in parents:
        document = document.setdefault(key, {})
    if value is OMITTED:
        document.pop(last, None)
    else:
        document[last] = value
