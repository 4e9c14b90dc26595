"""What both forms of a task share: a task document that is checked, saved, and never overwritten.

What the document may say is checked by `validate_spec` alone; its problems are brought to the
fields of whichever form shows it.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError

from autotuner_site.requests import whole_number
from tasks_app.masking import masked_document
from tasks_app.models import StaleState, Task
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import dump_for_people

Document = dict[str, Any]
UNDER_WAY = "The task is {}, and cannot be edited meanwhile. Cancel it, then save again."
DELETED = "The task was deleted meanwhile. Save again to keep what you typed as a new task."


@dataclass(frozen=True)
class Conflict:
    """An edit that was made on a version which is no longer the stored one."""

    stored: Task
    stored_text: str
    own_text: str

    @property
    def diff(self) -> list[tuple[str, str]]:
        """Lines from the stored to the own text, each with "added", "removed" or ""."""
        kinds = {"+": "added", "-": "removed"}
        lines = difflib.ndiff(self.stored_text.splitlines(), self.own_text.splitlines())
        return [(kinds.get(line[0], ""), line) for line in lines if line[0] != "?"]


class DocumentForm(forms.Form):
    """What both task forms share. After `is_valid()`, `spec` and `warnings` are there."""

    view = ""
    saves = True
    """Whether its button saves it, and does not only change or show it."""
    is_live = False
    """Whether it is being filled in: only what the user has touched is complained about."""
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        task: Task | None = None,
        document: Document | None = None,
    ) -> None:
        self.task = task
        self.spec: TaskSpec | None = None
        self.warnings: list[Problem] = []
        self.conflict: Conflict | None = None
        self.typed_document: Document = {}
        if document is None:
            document = task.spec_data() if task else new_document()
        self.document_shown = document
        initial = self.texts_of(masked_document(document))
        super().__init__(data, initial=initial | {"version": task.version if task else None})

    @property
    def document_now(self) -> Document:
        """The task as it stands in the form, as far as that can be read; secrets included."""
        if self.spec is not None:
            return self.spec.to_data()
        return self.typed_document if self.is_bound else self.document_shown

    @property
    def problem_count(self) -> int:
        """How many fields need a look."""
        raise NotImplementedError

    def texts_of(self, document: Document) -> dict[str, str]:
        raise NotImplementedError

    def read(self) -> tuple[TaskSpec, list[Problem]] | None:
        """Check what was typed; None when errors were added instead. Raises SpecError."""
        raise NotImplementedError

    def add_problem(self, problem: Problem) -> None:
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        try:
            found = self.read()
        except SpecError as error:
            for problem in error.problems:
                self.add_problem(problem)
            found = None
        if found is not None and not self.errors:
            self.spec, self.warnings = found
            self._check_name(self.spec.task_name)
        return self.cleaned_data

    def _check_name(self, name: str) -> None:
        others = Task.objects.exclude(pk=self.task.pk) if self.task else Task.objects.all()
        if others.filter(name=name).exists():
            self.add_problem(_taken(name))

    # Saving

    def create(self, user: User) -> Task | None:
        """The saved task; None when the name was taken in this very moment."""
        try:
            return Task.create(self.checked_spec, user=user)
        except IntegrityError:
            self.add_problem(_taken(self.checked_spec.task_name))
            return None

    def replace(self, task: Task, user: User) -> bool:
        """Write it over `task`; False when it could not be, the form then says why."""
        spec = self.checked_spec
        if not self.changes(task):
            return True
        try:
            task.replace_spec(spec, version=self.cleaned_data["version"] or 0, user=user)
        except IntegrityError:
            self.add_problem(_taken(spec.task_name))
        except StaleState:
            self._refuse(task.pk)
        else:
            return True
        return False

    def changes(self, task: Task) -> bool:
        stored = Task.objects.filter(pk=task.pk).first()
        return stored is None or stored.spec != self.checked_spec

    @property
    def stored_document(self) -> Document:
        """What the masks in this form stand for."""
        return self.task.spec_data() if self.task else {}

    def ask_again(self) -> None:
        """Before the page comes back: add an error where something typed is not sent back."""

    @property
    def checked_spec(self) -> TaskSpec:
        if self.spec is None:
            raise ValueError("the form is not valid")
        return self.spec

    def _refuse(self, task_pk: int) -> None:
        stored = Task.objects.filter(pk=task_pk).first()
        if stored is None:
            self.add_error(None, DELETED)
        elif stored.current_status.is_under_way:
            self.add_error(None, UNDER_WAY.format(stored.status))
        else:
            own = self.checked_spec.to_data()
            self.conflict = Conflict(
                stored=stored,
                stored_text=dump_for_people(stored.spec_data()),
                own_text=dump_for_people(own),
            )

    @property
    def sent_version(self) -> int | None:
        """The version that the page's next save replaces: a conflict, once seen, may be settled."""
        if self.conflict:
            return self.conflict.stored.version
        value = self["version"].value()
        return whole_number(str(value))


def new_document() -> Document:
    """What an empty form starts from: the schema's own defaults, and this site's."""
    runtimes = site_runtimes().names
    optimization = TaskSpec.model_fields["optimization"].get_default(call_default_factory=True)
    benchmark = TaskSpec.model_fields["benchmark"].get_default(call_default_factory=True)
    return {
        "task_name": "",
        "deployment_mode": settings.DEPLOYMENT_MODE,
        "base_runtime": runtimes[0] if runtimes else "",
        "model": {"id_or_path": ""},
        "parameters": {},
        "optimization": optimization.model_dump(),
        "benchmark": benchmark.model_dump(),
    }


def _taken(name: str) -> Problem:
    return Problem("task_name", f"there is a task {name!r} already", "choose another name")
