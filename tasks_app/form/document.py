"""From the fields of the task form to a task document, and what of a document they can hold."""

from collections.abc import Mapping
from typing import Any, Final

from tasks_app.document_form import Document
from tasks_app.documents import DocumentError
from tasks_app.form import rows as form_rows
from tasks_app.form.fields import OMITTED, ROWS, FieldPlace
from tasks_app.form.notes import Derived
from tasks_app.form.sections import PLACES

DERIVED: Final = frozenset({"model_name", "model_tokenizer"})
"""What is left out where it says what the model says anyway."""


def put(document: Document, place: FieldPlace, value: Any) -> None:
    if value is OMITTED:
        return
    *parents, last = place.keys
    for key in parents:
        document = document.setdefault(key, {})
    document[last] = value


def without_derived(document: Document) -> Document:
    """A document without what it would say anyway: the model's own name and tokenizer."""
    model, benchmark = document.get("model"), document.get("benchmark")
    if not isinstance(model, Mapping) or not isinstance(benchmark, Mapping):
        return document
    derived = Derived.from_typed(str(model.get("id_or_path", "")), "").values
    kept = {
        key: value
        for key, value in benchmark.items()
        if key not in DERIVED or value != derived.get(key)
    }
    return document | {"benchmark": kept}


def through_form(document: Document) -> Document | None:
    """What is left of a document when the form in sections has held it."""
    held: Document = {}
    try:
        for place in PLACES.values():
            if place.kind is ROWS:
                rows = form_rows.rows_of(place.name, document.get(place.name))
                put(held, place, form_rows.section_of(rows) or OMITTED)
            else:
                put(held, place, place.read(place.text_in(document)))
    except DocumentError:
        return None
    return held


def field_for_all(document: Document) -> bool:
    """Whether the form in sections can hold all of a document."""
    held = through_form(document)
    return held is not None and without_empty(without_derived(document)) == without_empty(held)


def without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: without_empty(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in (None, "", {}, [])}


def unheld_keys(document: Document) -> list[str]:
    """The sections of a document that the form in sections cannot hold as they are."""
    unheld = []
    for key, value in document.items():
        if value in (None, "", {}, []):
            continue
        part = {key: value}
        if not field_for_all(part):
            unheld.append(str(key))
    return unheld
