"""Forms of presets: one preset in fields, and the import of a file or a text."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.dateparse import parse_datetime

from tasks_app.documents import MAX_BYTES, MAX_CHARACTERS, DocumentError, decode_text
from tasks_app.form.fields import LINE, OMITTED, PROSE, YAML, FieldPlace
from tasks_app.models import Preset, StaleState
from tasks_app.presets.document import PresetDocument, check_preset
from tasks_app.presets.file import dump_presets, load_presets
from tasks_app.presets.info import PresetInfo
from tasks_app.presets.keeping import keep, keep_all, replace
from tasks_app.presets.notes import NOTES
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import site_runtimes

PLACES = (
    FieldPlace("name", "name", LINE, "Name", attributes={"maxlength": "100"}),
    FieldPlace("base_runtime", "base_runtime", LINE, "Engine"),
    FieldPlace(
        "description", "description", PROSE, "Description",
        "What it is for, and when not to use it.",
    ),
    FieldPlace(
        "parameters", "parameters", YAML, "Search space",
        "Flags to try, as in a task: threads: [4, 8] or poll: {low: 0, high: 100, step: 25}",
    ),
    FieldPlace(
        "fixed_parameters", "fixed_parameters", YAML, "Fixed flags",
        "Always set, for the baseline too: ctx-size: 8192",
    ),
    FieldPlace(
        "notes", "notes", NOTES, "Why",
        "Of each flag why it is there: its name, a colon, the reason; a line each. "
        "What belongs to the line above is indented.",
    ),
)  # fmt: skip


class PresetForm(forms.Form):
    """A preset in fields. What it may say is checked by `check_preset` alone."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        document: Mapping[str, Any],
        row: Preset | None = None,
    ) -> None:
        self.row = row
        self.stored: PresetInfo | None = None
        self.preset: PresetDocument | None = None
        self.warnings: list[Problem] = []
        initial: dict[str, Any] = {place.name: place.text_in(document) for place in PLACES}
        initial["seen"] = row.updated_at.isoformat() if row else ""
        super().__init__(data, initial=initial)
        for place in PLACES:
            self.fields[place.name] = place.form_field()
        self._offer_runtimes()

    def _offer_runtimes(self) -> None:
        names = [*site_runtimes().names]
        value = str(self["base_runtime"].value() or "")
        if value and value not in names:
            names.append(value)
        self.fields["base_runtime"].widget = forms.Select(
            attrs={"class": "form-select"}, choices=[(name, name) for name in names]
        )

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        if field in self.fields:
            attributes = self.fields[field].widget.attrs
            attributes["class"] = "form-control is-invalid"
            attributes["aria-invalid"] = "true"

    def clean(self) -> dict[str, Any]:
        document: dict[str, Any] = {}
        for place in PLACES:
            try:
                value = place.read(self.data.get(place.name, ""))
            except DocumentError as error:
                self.add_error(place.name, str(error))
            else:
                document |= {} if value is OMITTED else {place.path: value}
        document.setdefault("name", "")
        try:
            self.preset, self.warnings = check_preset(document, catalogue=site_runtimes())
        except SpecError as error:
            self._add_problems(error)
        return self.cleaned_data

    def _add_problems(self, error: SpecError) -> None:
        for problem in error.problems:
            name = problem.path.partition(".")[0].partition("[")[0]
            if name not in self.fields:
                self.add_error(None, str(problem))
            elif name not in self.errors or problem.path != name:
                inner = problem.path.removeprefix(name).lstrip(".")
                self.add_error(name, str(Problem(inner, problem.message, problem.suggestion)))

    def save(self, user: User) -> Preset | None:
        """The saved row; None where it could not be, the form then says why."""
        if self.preset is None:
            return None
        try:
            if self.row is None:
                return keep(self.preset, user)
            replace(self.row, self.preset, seen=self._seen())
        except SpecError as error:
            self._add_problems(error)
        except StaleState as error:
            self._refuse(error)
        else:
            return self.row
        return None

    def _seen(self) -> datetime:
        text = self.cleaned_data.get("seen") or ""
        try:
            seen = parse_datetime(text)
        except ValueError:
            seen = None
        if seen is None or seen.tzinfo is None:
            raise StaleState("The page does not say which version of the preset it was made on.")
        return seen

    def _refuse(self, error: StaleState) -> None:
        """Say so, show what is stored now, and let the next save replace that."""
        self.add_error(None, str(error))
        row = Preset.objects.filter(pk=self.row.pk).first() if self.row else None
        if row is not None:
            self.row, self.stored = row, PresetInfo.of_row(row)

    @property
    def stored_text(self) -> str:
        return dump_presets([self.stored]) if self.stored else ""

    @property
    def sent_seen(self) -> str:
        """What the page's next save replaces."""
        if self.stored and self.row:
            return self.row.updated_at.isoformat()
        return str(self["seen"].value() or "")


class ImportForm(forms.Form):
    """A file or a text with presets."""

    file = forms.FileField(
        required=False,
        label="File",
        help_text="YAML or JSON: one preset, or a list of them under presets.",
        widget=forms.FileInput(
            attrs={"class": "form-control", "accept": ".yaml,.yml,.json,text/*"}
        ),
    )
    text = forms.CharField(
        required=False,
        label="Or paste it",
        strip=False,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 14, "spellcheck": "false"}),
    )
    on_clash = forms.ChoiceField(
        label="Where a name is taken",
        choices=[
            ("refuse", "Import nothing and tell me"),
            ("rename", "Import it under a free name"),
            ("replace", "Replace the preset of that name"),
        ],
        initial="refuse",
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.presets: list[PresetDocument] = []
        self.warnings: list[Problem] = []

    def clean(self) -> dict[str, Any]:
        text = self._uploaded() or self.cleaned_data.get("text") or ""
        if not self.errors:
            self.data = {name: self.data.get(name) for name in self.fields} | {"text": text}
            try:
                self.presets, self.warnings = load_presets(text, catalogue=site_runtimes())
            except SpecError as error:
                self._add_problems(error)
        return self.cleaned_data

    def _uploaded(self) -> str:
        """The file's text. It is put into the text field then: a page never sends a file back."""
        file = self.cleaned_data.get("file")
        if file is None:
            return ""
        try:
            text = decode_text(file.read(MAX_BYTES + 1))
        except DocumentError as error:
            self.add_error("file", f"{file.name}: {error.message}.")
            return ""
        if len(text) <= MAX_CHARACTERS:
            return text
        self.add_error("file", f"{file.name} is larger than {MAX_CHARACTERS:,} characters.")
        return ""

    def _add_problems(self, error: SpecError, field: str = "text") -> None:
        for problem in error.problems[:50]:
            self.add_error(field, str(problem))
        if len(error.problems) > 50:
            self.add_error(field, f"… and {len(error.problems) - 50} more")

    def save(self, user: User) -> tuple[list[Preset], list[str]] | None:
        """The rows and what was done to names; None where a name is taken, the form says which."""
        try:
            return keep_all(self.presets, user, self.cleaned_data["on_clash"])
        except SpecError as error:
            self._add_problems(error, "on_clash")
            return None
