"""What is changed about a task in passing: its name, its description, its labels.

None of them changes what is measured, so that a running task may be changed as well: its run keeps
the text that it started with.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import IntegrityError

from tasks_app.form.fields import PROSE
from tasks_app.labels import parse_labels, set_labels
from tasks_app.models import StaleState, Task
from tasks_app.problems import Problem, SpecError, did_you_mean
from tasks_app.spec import TaskSpec

FIELDS = ("name", "description", "label_names")
BESIDES = ("version", "seen_labels", "csrfmiddlewaretoken")
FIELD_OF_KEY = {"task_name": "name", "description": "description", "labels": "label_names"}


class DetailsForm(forms.Form):
    """A field that is not sent stays as it is; `theirs` is the task where it was changed meanwhile,
    in a field that is changed here as well."""

    name = forms.CharField(
        required=False,
        strip=True,
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocomplete": "off", "autofocus": True}
        ),
    )
    description = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"class": "form-control prose", "rows": 2}),
    )
    label_names = forms.CharField(  # a field of a page's form called labels would hide its own
        required=False,
        label="Labels",
        help_text="Separated by commas.",
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    seen_labels = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, str] | None, *, task: Task) -> None:
        self.task = task
        self.theirs: Task | None = None
        labels = ", ".join(label.name for label in task.labels.all())
        self.stored = {"name": task.name, "description": task.description, "label_names": labels}
        seen = {"version": str(task.version), "seen_labels": labels}
        complete = None if data is None else self.stored | dict(data.items())
        self.unknown = [key for key in data or () if key not in (*FIELDS, *BESIDES)]
        super().__init__(
            complete,
            initial=self.stored | seen,
            auto_id=f"task_{task.pk}_%s",
        )

    def clean(self) -> dict[str, Any]:
        for key in self.unknown:
            problem = Problem(key, "cannot be changed here", did_you_mean(key, FIELDS))
            self.add_error(None, str(problem))
        typed = self.cleaned_data
        typed["description"] = PROSE.read(typed.get("description", ""))
        changed = {"task_name": typed.get("name", ""), "description": typed["description"]}
        problems: list[Problem] = []
        for check in (
            lambda: TaskSpec.from_data(self.task.spec_data() | changed),
            lambda: parse_labels(typed.get("label_names", "")),
        ):
            try:
                check()
            except SpecError as error:
                problems += error.problems
        for problem in problems:
            self.add_error(FIELD_OF_KEY.get(problem.path), str(Problem("", *_words(problem))))
        if Task.objects.exclude(pk=self.task.pk).filter(name=typed.get("name")).exists():
            self._refuse_name()
        return typed

    def save(self, user: User) -> bool | None:
        """Whether anything was changed; None where it could not be, the form then says why."""
        name, description = self.cleaned_data["name"], self.cleaned_data["description"]
        is_other = (name, description) != (self.task.name, self.task.description)
        if is_other and not self._save_text(name, description, user):
            return None
        return set_labels(self.task, self._labels()) or is_other

    def _save_text(self, name: str, description: str, user: User) -> bool:
        if self._was_overtaken():
            self.theirs = self.task
            return False
        try:
            self.task.edit_details(
                name=name, description=description, version=self.task.version, user=user
            )
        except IntegrityError:
            self._refuse_name()
            return False
        except StaleState:
            self.theirs = Task.objects.filter(pk=self.task.pk).first() or self.task
            return False
        return True

    def _was_overtaken(self) -> bool:
        """Whether name or description changed since this form was read; other keys may have."""
        seen = self.task.versions.filter(number=self.cleaned_data["version"]).first()
        now = {"task_name": self.task.name, "description": self.task.description}
        return seen is None or any(seen.spec[key] != value for key, value in now.items())

    def _labels(self) -> list[str]:
        """As they are now, with what was put on and without what was taken off here."""
        typed = {name.casefold(): name for name in parse_labels(self.cleaned_data["label_names"])}
        seen = {name.casefold() for name in parse_labels(self.cleaned_data["seen_labels"])}
        if "seen_labels" not in self.data:
            return list(typed.values())
        now = {label.name.casefold(): label.name for label in self.task.labels.all()}
        kept = {key: name for key, name in now.items() if key in typed or key not in seen}
        return list((typed | kept).values())

    def _refuse_name(self) -> None:
        self.add_error("name", "There is a task of this name already; choose another.")

    @property
    def sent_version(self) -> int | str:
        """What the next save replaces: a conflict, once seen, may be settled."""
        return self.theirs.version if self.theirs else self["version"].value()


def _words(problem: Problem) -> tuple[str, str]:
    return problem.message, problem.suggestion
