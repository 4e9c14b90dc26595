"""What an action on many tasks wants to know: which labels, which field and which value."""

from typing import Any

from django import forms

from tasks_app.bulk.edit import field_groups, find_place
from tasks_app.form.fields import FieldPlace
from tasks_app.labels import parse_labels
from tasks_app.problems import SpecError


class LabelsForm(forms.Form):
    """After `is_valid()`, `names` is there."""

    labels = forms.CharField(
        label="Labels",
        help_text="Several are separated by commas.",
        max_length=1_000,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def clean_labels(self) -> list[str]:
        try:
            names = parse_labels(self.cleaned_data["labels"])
        except SpecError as error:
            raise forms.ValidationError([p.message for p in error.problems]) from error
        if not names:
            raise forms.ValidationError("Write at least one label.")
        return names


class FieldForm(forms.Form):
    """One field of the task file; once it is chosen, `value` is there as the task form has it."""

    def __init__(self, data: Any, *, initial_text: str = "", is_answer: bool = False) -> None:
        super().__init__(data if is_answer else None, initial={"field": data.get("field", "")})
        choices = [("", "Choose a field"), *field_groups()]
        self.fields["field"] = forms.ChoiceField(choices=choices, required=False)
        self.place: FieldPlace | None = find_place(data.get("field", ""))
        if self.place is not None:
            self.fields["value"] = self.place.form_field()
            self.fields["value"].widget.attrs.pop("aria-required", None)
            self.initial["value"] = initial_text
