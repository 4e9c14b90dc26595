"""The task in sections: a field for every key of the task file, rows where there are many."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django import forms

from tasks_app.document_form import Document, DocumentForm
from tasks_app.documents import DocumentError
from tasks_app.form import notes as form_notes
from tasks_app.form import rows as form_rows
from tasks_app.form.document import put, without_derived
from tasks_app.form.fields import OMITTED, ROWS, FieldPlace
from tasks_app.form.notes import FlagAbout, about_flag
from tasks_app.form.objectives import joined
from tasks_app.form.rows import Row
from tasks_app.form.secret_input import NONE, SAFE_TO_SHOW, SecretInput
from tasks_app.form.sections import PLACES, SECTIONS, place_of
from tasks_app.form.shown import ShownField, ShownSection
from tasks_app.masking import unmasked_document
from tasks_app.presets import PresetInfo, presets_for
from tasks_app.problems import Problem
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec, validate_spec

if TYPE_CHECKING:
    from tasks_app.form.presets import PresetOffer

EVERYTHING = "*"
MOST_EXPLAINED = 120


class TaskForm(DocumentForm):
    """What was typed is in `data` as the browser sends it; `rows` are its rows."""

    view = "form"
    offer: "PresetOffer | None" = None
    """What a preset would do to it, where one was asked for."""
    touched = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(None if data is None else joined(data), **kwargs)
        self.catalogue = site_runtimes()
        for place in PLACES.values():
            self.fields[place.name] = field = place.form_field()
            described = [
                f"live-{place.name}",
                *([f"id_{place.name}_helptext"] if place.help else []),
            ]
            field.widget.attrs["aria-describedby"] = " ".join(described)
            if isinstance(field.widget, SecretInput):
                field.widget.is_set = place.text_in(self.stored_document) not in {"", NONE}
        for place in PLACES.values():
            if place.choices and not place.explained:
                self._offer(place)
        for name in self.derived.values:
            self.fields[name].widget.attrs["placeholder"] = self.derived.values[name]

    def _offer(self, place: FieldPlace) -> None:
        """Make the field a list to choose from; what is stored or typed stays among it."""
        widget = self.fields[place.name].widget
        choices = list(widget.choices) if isinstance(widget, forms.Select) else list(place.choices)
        value = str(self[place.name].value() or "")
        if value and value not in dict(choices):
            choices.append((value, value))
        attributes = widget.attrs | {"class": "form-select"}
        self.fields[place.name].widget = forms.Select(attrs=attributes, choices=choices)

    def texts_of(self, document: Document) -> dict[str, str]:
        plain = (place for place in PLACES.values() if place.kind is not ROWS)
        texts = {place.name: place.text_in(document) for place in plain}
        rows = [row for s in form_rows.SECTIONS for row in form_rows.rows_of(s, document.get(s))]
        return texts | form_rows.all_fields(rows)

    @cached_property
    def rows(self) -> Mapping[str, list[Row]]:
        return form_rows.posted_rows(self.data if self.is_bound else self.initial)

    def typed(self, name: str) -> str:
        return str(self[name].value() or "")

    # What was typed, as a task document

    def read(self) -> tuple[TaskSpec, list[Problem]] | None:
        self.typed_document = unmasked_document(self.document(), self.stored_document)
        return validate_spec(self.typed_document, catalogue=self.catalogue)

    def document(self) -> Document:
        """What cannot be read gets an error, and is left out."""
        document: Document = {}
        for place in PLACES.values():
            try:
                value = self._read(place)
            except DocumentError as error:
                self.add_error(place.name, str(error))
            else:
                put(document, place, value)
        for rows in self.rows.values():
            for row in rows:
                for fault in row.errors:
                    self.add_error(row.section, fault)
        return without_derived(document)

    def _read(self, place: FieldPlace) -> Any:
        if place.kind is ROWS:
            for row in self.rows[place.name]:
                row.errors.clear()
            return form_rows.section_of(self.rows[place.name]) or OMITTED
        typed = self.typed(place.name) if place.secret else str(self.data.get(place.name, ""))
        return place.read(typed)

    def add_problem(self, problem: Problem) -> None:
        place = place_of(problem.path)
        if place is None:
            self.add_error(None, str(problem))
            return
        if place.name in self.errors and problem.path == place.path:
            return  # it is missing because it could not be read
        inner = problem.path.removeprefix(place.path).lstrip(".")
        path = inner if problem.path.startswith(place.path) else ""
        row = form_rows.row_at(self.rows[place.name], inner) if place.kind is ROWS else None
        if row is not None:
            path = path.removeprefix(row.name).lstrip(".")
            text = str(Problem("", _sentence(problem.message), problem.suggestion))
            at = f"Value {int(path[1:-1]) + 1}: " if path[1:-1].isdecimal() else ""
            row.errors.append(f"{at}{text}")
            self.add_error(place.name, str(Problem(inner, problem.message, problem.suggestion)))
            return
        message = problem.message
        if not path and message.startswith(("is ", "must ", "has ")):
            message = f"{place.label} {message}"
        self.add_error(place.name, str(Problem(path, message, problem.suggestion)))

    def ask_again(self) -> None:
        for place in PLACES.values():
            typed = str(self.data.get(place.name, "")).strip()
            if place.secret and typed and typed not in SAFE_TO_SHOW:
                self.add_error(place.name, "Put it in again: what is typed here is not sent back.")

    # What is shown

    def is_touched(self, name: str) -> bool:
        return not self.is_live or EVERYTHING in self._touched or name in self._touched

    @cached_property
    def _touched(self) -> set[str]:
        return set(str(self.data.get("touched", "")).split())

    @cached_property
    def derived(self) -> form_notes.Derived:
        return form_notes.Derived.from_typed(self.typed("model"), self.typed("base_runtime"))

    @property
    def sections(self) -> list[ShownSection]:
        return [ShownSection(self, section) for section in SECTIONS]

    @property
    def shown_fields(self) -> Iterator[ShownField]:
        for place in PLACES.values():
            yield ShownField(self, place)

    @property
    def flag_names(self) -> list[tuple[str, str]]:
        """What the names of flags are completed from: name, and the beginning of its help."""
        runtime = self.catalogue.find(self.typed("base_runtime"))
        if runtime is None:
            return []
        described = [(n, " ".join(f.help.split())[:70]) for n, f in runtime.flags.items()]
        return described + [(name, "") for name in runtime.other_flags]

    def about(self, flag: str) -> FlagAbout | None:
        """What a flag does; of a runaway form only the first ones are told."""
        if flag not in self._told and len(self._told) < MOST_EXPLAINED:
            self._told[flag] = about_flag(flag, self.typed("base_runtime"), self.catalogue)
        return self._told.get(flag)

    @cached_property
    def _told(self) -> dict[str, FlagAbout | None]:
        return {}

    @cached_property
    def presets(self) -> list[PresetInfo]:
        return presets_for(self.typed("base_runtime"))

    @property
    def shipped_presets(self) -> list[PresetInfo]:
        return [preset for preset in self.presets if preset.is_shipped]

    @property
    def own_presets(self) -> list[PresetInfo]:
        return [preset for preset in self.presets if not preset.is_shipped]

    @property
    def has_flags(self) -> bool:
        return any(not row.is_blank for row in self.rows[form_rows.PARAMETERS])

    @property
    def listed_errors(self) -> Iterator[tuple[str, str, str]]:
        """For the list at the top: where it leads, name of the field or flag, what is wrong."""
        for shown in self.shown_fields:
            for error in shown.own_errors:
                label = shown.place.label
                yield f"id_{shown.name}", label, error.removeprefix(f"{label} ")
            for row in self.rows.get(shown.name, ()):
                for error in row.errors:
                    part = "metric" if row.section == form_rows.SLO else "name"
                    yield f"id_{row.prefix}-{part}", row.name or shown.place.label, error

    @cached_property
    def first_error(self) -> str | None:
        """The id of the field that the page should lead to."""
        if not self.is_bound or self.is_live:
            return None
        return next((anchor for anchor, _, _ in self.listed_errors), None)

    @property
    def problem_count(self) -> int:
        """Fields and rows that need a look."""
        rows = sum(bool(row.errors) for rows in self.rows.values() for row in rows)
        fields = sum(bool(shown.own_errors) for shown in self.shown_fields)
        return rows + fields + bool(self.non_field_errors())


def _sentence(text: str) -> str:
    """With a capital, unless it begins with a name."""
    is_name = text.startswith(tuple(site_runtimes().names))
    return text if is_name else f"{text[:1].upper()}{text[1:]}"
