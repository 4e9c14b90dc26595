"""Merging a preset into a stored task: a choice for each flag on which the two disagree."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from django import forms
from django.contrib.auth.models import User
from django.forms import BoundField

from tasks_app.models import Task
from tasks_app.presets.info import PresetFlag, PresetInfo
from tasks_app.presets.merging import Conflict, Merge, Side, merge
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import TaskSpec, validate_spec


class MergeForm(forms.Form):
    """Raises SpecError where the preset is not for the task's runtime."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, task: Task, preset: PresetInfo
    ) -> None:
        super().__init__(data, initial={"version": task.version})
        self.task = task
        self.preset = preset
        self.preview: Merge = merge(task.spec_data(), preset)
        self.spec: TaskSpec | None = None
        self.warnings: list[Problem] = []
        for conflict in self.preview.conflicts:
            self.fields[_field(conflict)] = forms.ChoiceField(
                label=conflict.flag,
                choices=[(side, side) for side in get_args(Side)],
                initial="preset",
                error_messages={"required": "Choose one."},
            )

    @property
    def conflicts(self) -> Iterator[tuple[Conflict, BoundField]]:
        for conflict in self.preview.conflicts:
            yield conflict, self[_field(conflict)]

    @property
    def added(self) -> list[PresetFlag]:
        return [flag for flag in self.preset.flags if flag.name in self.preview.added]

    @property
    def same(self) -> list[PresetFlag]:
        return [flag for flag in self.preset.flags if flag.name in self.preview.same]

    def clean_version(self) -> int:
        version = int(self.cleaned_data["version"])
        if version != self.task.version:
            raise forms.ValidationError(
                f"The task was changed meanwhile and is now version {self.task.version}: "
                "look at the choices again."
            )
        return version

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        choices = {c.flag: self.cleaned_data[_field(c)] for c in self.preview.conflicts}
        merged = merge(self.task.spec_data(), self.preset, choices=choices)
        try:
            self.spec, self.warnings = validate_spec(merged.document, catalogue=site_runtimes())
        except SpecError as error:
            for problem in error.problems:
                self.add_error(None, str(problem))
        return self.cleaned_data

    def save(self, user: User) -> bool:
        """Whether the task became a new version; False where it says all this already.

        Raises StaleState where it runs, or was changed in this very moment.
        """
        if self.spec is None:
            raise ValueError("the form is not valid")
        if self.spec == self.task.spec:
            return False
        self.task.replace_spec(self.spec, version=self.cleaned_data["version"], user=user)
        return True

    @property
    def done(self) -> str:
        """What the merge did, in words: for after the saving."""
        theirs = [c for c in self.preview.conflicts if self.cleaned_data[_field(c)] == "preset"]
        kept = len(self.preview.conflicts) - len(theirs)
        counts = {
            "added": len(self.preview.added),
            "changed": len(theirs),
            "left as the task had them": kept,
        }
        words = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"Flags: {words}."


def _field(conflict: Conflict) -> str:
    return f"choice.{conflict.flag}"
