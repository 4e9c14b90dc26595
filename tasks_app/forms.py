"""The forms of a task: in sections, and as YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField

from tasks_app.document_form import Document, DocumentForm
from tasks_app.documents import DocumentError, load_document
from tasks_app.form_fields import OMITTED, SAFE_TO_SHOW, FieldPlace, Section
from tasks_app.form_sections import PLACES, SECTIONS, place_of
from tasks_app.masking import secrets_in_clear, unmasked_document
from tasks_app.models import Task
from tasks_app.problems import Problem
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.taskfile import dump_for_people, load_task


class TaskForm(DocumentForm):
    """The task in sections, a field for every key of the task file."""

    view = "form"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place in PLACES.values():
            self.fields[place.name] = place.form_field()
        self._offer("base_runtime", [(name, name) for name in site_runtimes().names])
        for place in PLACES.values():
            if place.choices:
                self._offer(place.name, list(place.choices))
        for name in self.errors if self.is_bound else ():
            self._mark_invalid(name)

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Make the field a list to choose from; what is stored or typed stays among it."""
        value = str(self[name].value() or "")
        if value and value not in dict(choices):
            choices = [*choices, (value, value)]
        widget = forms.Select(attrs={"class": "form-select"}, choices=choices)
        self.fields[name].widget = widget

    def _mark_invalid(self, name: str) -> None:
        if name in self.fields:
            attributes = self.fields[name].widget.attrs
            attributes["class"] = f"{attributes.get('class', '')} is-invalid"
            attributes["aria-invalid"] = "true"

    def texts_of(self, document: Document) -> dict[str, str]:
        return {place.name: place.text_in(document) for place in PLACES.values()}

    def read(self) -> tuple[TaskSpec, list[Problem]] | None:
        document = unmasked_document(self.document(), self.stored_document)
        return validate_spec(document, catalogue=site_runtimes())

    def document(self) -> Document:
        """What was typed, as a task document; a field that cannot be read gets an error."""
        document: Document = {}
        for place in PLACES.values():
            try:
                value = place.read(self.data.get(place.name, ""))
            except DocumentError as error:
                self.add_error(place.name, str(error))
            else:
                _put(document, place, value)
        return document

    def add_problem(self, problem: Problem) -> None:
        place = place_of(problem.path)
        if place is None:
            self.add_error(None, str(problem))
        elif place.name not in self.errors or problem.path != place.path:
            inner = problem.path.removeprefix(place.path).lstrip(".")
            path = inner if problem.path.startswith(place.path) else ""
            message = problem.message
            if not path and message.startswith(("is ", "must ", "has ")):
                message = f"{place.label} {message}"
            self.add_error(place.name, str(Problem(path, message, problem.suggestion)))

    def ask_again(self) -> None:
        for place in PLACES.values():
            typed = str(self.data.get(place.name, "")).strip()
            if place.secret and typed and typed not in SAFE_TO_SHOW:
                self.add_error(place.name, "Put it in again: what is typed here is not sent back.")
                self._mark_invalid(place.name)

    @property
    def sections(self) -> Iterator["ShownSection"]:
        for section in SECTIONS:
            yield self._shown(section)

    def _shown(self, section: Section) -> "ShownSection":
        fields = [(self[place.name], place) for place in section.places]
        more = [self._shown(part) for part in section.more]
        return ShownSection(section.title, section.help, fields, more)


@dataclass(frozen=True)
class ShownSection:
    """A section of the form with its fields; `more` are its folded parts."""

    title: str
    help: str
    fields: list[tuple[BoundField, FieldPlace]]
    more: list["ShownSection"]

    @property
    def is_used(self) -> bool:
        """Whether anything in it is set, or wrong: it is not folded away then."""
        return any(
            field.errors or str(field.value() or "") not in {"", _standard_choice(place)}
            for field, place in self.fields
        )


def _standard_choice(place: FieldPlace) -> str:
    return place.choices[0][0] if place.choices else ""


class YamlForm(DocumentForm):
    """The whole task file as one text."""

    view = "yaml"
    text = forms.CharField(
        label="Task file",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 32, "spellcheck": "false"}),
    )

    def texts_of(self, document: Document) -> dict[str, str]:
        return {"text": dump_for_people(document)}

    def read(self) -> tuple[TaskSpec, list[Problem]]:
        text = self.data.get("text", "")
        return load_task(text, catalogue=site_runtimes(), stored=self.stored_document)

    def add_problem(self, problem: Problem) -> None:
        self.add_error("text", str(problem))

    def document(self) -> Document | None:
        """What was typed, if the form in sections can hold all of it; else an error is added."""
        try:
            document = load_document(self.data.get("text", ""))
        except DocumentError as error:
            self.add_error("text", str(error))
            return None
        if not isinstance(document, dict) or _without_empty(document) != _through_form(document):
            self.add_error("text", "The form has no field for something here. Mend it first.")
            return None
        return document


def task_form(
    data: Mapping[str, Any] | None, *, task: Task | None = None, view: str = "form"
) -> DocumentForm:
    """The form to show or to save. The buttons `as_yaml` and `as_form` turn one into the other:
    the form that comes back is not bound then, unless what was typed cannot be turned."""
    kind = YamlForm if (data.get("view") if data else view) == "yaml" else TaskForm
    form = kind(data, task=task)
    if data is None or data.get("action") not in {"as_yaml", "as_form"}:
        return form
    form.full_clean()
    form.errors.clear()
    document = form.document() if isinstance(form, TaskForm | YamlForm) else None
    for place in secrets_in_clear(document or {}):
        form.add_problem(
            Problem(place, "is not carried from one view to the other", "save first, then switch")
        )
    if document is None or form.errors:
        return form
    other = TaskForm if kind is YamlForm else YamlForm
    turned = other(task=task, document=document)
    turned.initial["version"] = data.get("version")
    return turned


def _put(document: Document, place: FieldPlace, value: Any) -> None:
    if value is OMITTED:
        return
    *parents, last = place.keys
    for key in parents:
        document = document.setdefault(key, {})
    document[last] = value


def _through_form(document: Document) -> Any:
    """What is left of a document when the form in sections has held it."""
    held: Document = {}
    try:
        for place in PLACES.values():
            _put(held, place, place.read(place.text_in(document)))
    except DocumentError:
        return None
    return _without_empty(held)


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in (None, "", {}, [])}
