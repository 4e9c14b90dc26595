"""The forms of a task: in sections, and as YAML; and what their buttons do besides saving."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django import forms

from tasks_app.document_form import Document, DocumentForm
from tasks_app.documents import DocumentError, line_numbers, load_document
from tasks_app.form import rows as form_rows
from tasks_app.form.document import field_for_all, unheld_keys
from tasks_app.form.objectives import joined
from tasks_app.form.presets import SIDE, with_preset
from tasks_app.form.task import TaskForm
from tasks_app.masking import secrets_in_clear
from tasks_app.models import Task
from tasks_app.problems import Problem
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import dump_for_people, load_task
from tasks_app.validation import unknown_keys

__all__ = ["DocumentForm", "TaskForm", "YamlForm", "task_form"]

MOST_ROWS = 300
_COMMENT = re.compile(r"(^|\s)#", re.MULTILINE)


class YamlForm(DocumentForm):
    """The whole task file as one text."""

    view = "yaml"
    text = forms.CharField(
        label="Task file",
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "class": "form-control",
                "rows": 32,
                "spellcheck": "false",
                "aria-describedby": "live-text",
            }
        ),
    )
    asks_about_comments = False
    """Whether the form in sections was asked for, and would lose them."""

    def texts_of(self, document: Document) -> dict[str, str]:
        return {"text": dump_for_people(document)}

    @property
    def typed_text(self) -> str:
        return str(self.data.get("text", "")).replace("\r\n", "\n")

    def read(self) -> tuple[TaskSpec, list[Problem]]:
        return load_task(self.typed_text, catalogue=site_runtimes(), stored=self.stored_document)

    def add_problem(self, problem: Problem) -> None:
        line = self._lines.get(problem.path) or self._lines.get(problem.path.partition("[")[0])
        self.add_error("text", f"line {line}: {problem}" if line else str(problem))

    @cached_property
    def _lines(self) -> Mapping[str, int]:
        return line_numbers(self.typed_text)

    def document(self) -> Document | None:
        """What was typed, if the form in sections can hold all of it; else an error is added."""
        try:
            document = load_document(self.typed_text)
        except DocumentError as error:
            self.add_error("text", str(error))
            return None
        if not isinstance(document, dict):
            self.add_error("text", "The form takes keys and values. Mend it first.")
            return None
        for section in (form_rows.PARAMETERS, form_rows.FIXED):
            if isinstance(flags := document.get(section), dict) and len(flags) > MOST_ROWS:
                message = f"{len(flags):,} flags are more than the form has rows for"
                self.add_problem(Problem(section, message, "mend it first"))
                return None
        if unknown := unknown_keys(document, TaskSpec):
            for problem in unknown:
                self.add_problem(problem)
            return None
        if not field_for_all(document):
            for key in unheld_keys(document):
                self.add_problem(Problem(key, "the form has no field for this", "mend it first"))
            return None
        return document

    @property
    def listed_errors(self) -> list[tuple[str, str, str]]:
        return [("id_text", "Task file", str(error)) for error in self.errors.get("text", [])]

    @property
    def problem_count(self) -> int:
        return sum(map(len, self.errors.values())) if self.is_bound else 0


def task_form(
    data: Mapping[str, Any] | None, *, task: Task | None = None, view: str = "form"
) -> DocumentForm:
    """The form to show or to save, after what its button does.

    A button that does not save gives a form that `saves` nothing: with a row more or less, as it
    was typed, or the other form of the same task. That one is not bound, unless what was typed
    cannot be turned into it.
    """
    data = joined(data) if data else data
    kind = YamlForm if (data.get("view") if data else view) == "yaml" else TaskForm
    action = str(data.get("action", "")) if data else ""
    if data is not None and kind is TaskForm and (changed := _changed(data, action, task)):
        changed.saves = False
        changed.is_live = True
        return changed
    form = kind(data, task=task)
    if action == "check":
        form.saves = False
    if data is None or action not in {"as_yaml", "as_form", "as_form_without_comments"}:
        return form
    return _turned(form, data, action)


def _changed(data: Mapping[str, Any], action: str, task: Task | None) -> TaskForm | None:
    """What was typed, and what a button of the form has changed; None for the other buttons."""
    if key := data.get("merge") or data.get("preset"):
        return with_preset(data, str(key), task, settle=bool(data.get("merge")))
    if action == "merge_own":
        return with_preset(data, str(data.get("own_preset", "")), task, settle=False)
    if data.get("add_scenario"):
        return TaskForm(_with_scenario(data), task=task)
    if action.startswith("reset_"):
        return TaskForm(_without(data, action), task=task)
    changed = form_rows.with_action(data, action)
    if changed is None and action == "leave":
        changed = {key: str(data[key]) for key in data if not key.startswith(SIDE)}
    return None if changed is None else TaskForm(changed, task=task)


def _turned(form: DocumentForm, data: Mapping[str, Any], action: str) -> DocumentForm:
    form.saves = False
    form.full_clean()
    form.errors.clear()
    if isinstance(form, YamlForm) and action == "as_form" and _COMMENT.search(form.typed_text):
        form.asks_about_comments = True
        return form
    document = form.document() if isinstance(form, TaskForm | YamlForm) else None
    for place in secrets_in_clear(document or {}):
        form.add_problem(
            Problem(place, "is not carried from one view to the other", "save first, then switch")
        )
    if document is None or form.errors:
        return form
    other = TaskForm if isinstance(form, YamlForm) else YamlForm
    turned = other(task=form.task, document=document)
    turned.initial["version"] = data.get("version")
    return turned


def _without(data: Mapping[str, Any], action: str) -> dict[str, str]:
    """With the field emptied, so that its default holds again."""
    return {key: str(data[key]) for key in data} | {action.removeprefix("reset_"): ""}


def _with_scenario(data: Mapping[str, Any]) -> dict[str, str]:
    sent = {key: str(data[key]) for key in data}
    parts = [sent.get("traffic_scenarios", "").strip().rstrip(","), sent.pop("add_scenario")]
    return sent | {"traffic_scenarios": ", ".join(filter(None, parts))}
