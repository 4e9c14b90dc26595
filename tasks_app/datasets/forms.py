"""What the page asks of whoever adds a data set."""

from typing import Any

from django import forms

from tasks_app.datasets.adding import LONGEST_NAME
from tasks_app.datasets.reading import Format, Kind
from tasks_app.models import Dataset

_LINE = {"class": "form-control", "autocomplete": "off"}
_SELECT = {"class": "form-select"}


class NewDatasetForm(forms.Form):
    file = forms.FileField(
        label="File",
        required=False,
        help_text="JSON lines or a JSON list, CSV, text with a prompt a line, or conversations"
        " (ShareGPT); also packed as .gz, .zip or .tar.gz.",
        widget=forms.ClearableFileInput(attrs={"class": "form-control"}),
    )
    url = forms.CharField(
        label="Or its address",
        required=False,
        max_length=2_000,
        help_text="https:// or http://. The site fetches it in the background.",
        widget=forms.URLInput(attrs=_LINE | {"placeholder": "https://example.org/prompts.jsonl"}),
    )
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=LONGEST_NAME,
        help_text="What tasks call it by. Empty: the file's.",
        widget=forms.TextInput(attrs=_LINE),
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )
    format = forms.ChoiceField(
        label="Format",
        required=False,
        choices=[("", "Told by the file"), *((one.value, one.words) for one in Format)],
        widget=forms.Select(attrs=_SELECT),
    )
    turns = forms.ChoiceField(
        label="Of a conversation",
        required=False,
        help_text="Each turn is a prompt by itself, without what was said before.",
        choices=[
            (Kind.FIRST.value, "the first turn of the human"),
            (Kind.ALL.value, "every turn of the human"),
        ],
        widget=forms.Select(attrs=_SELECT),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        if bool(data.get("file")) == bool(data.get("url")):
            raise forms.ValidationError("Choose a file, or give an address: one of the two.")
        return data

    @property
    def options(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "description": data["description"],
            "format": data["format"],
            "turns": data["turns"] or Kind.FIRST,
        }


class ColumnsForm(forms.Form):
    """Which columns hold the prompts and the answers, of those that were found."""

    prompt_column = forms.ChoiceField(label="Prompts", widget=forms.Select(attrs=_SELECT))
    answer_column = forms.ChoiceField(
        label="Answers",
        required=False,
        help_text="Their lengths can be asked for; they are not compared.",
        widget=forms.Select(attrs=_SELECT),
    )

    def __init__(self, dataset: Dataset, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [(name, name) for name in dataset.columns]
        for name, choices in (
            ("prompt_column", columns),
            ("answer_column", [("", "none"), *columns]),
        ):
            field = self.fields[name]
            assert_choice(field).choices = choices

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("prompt_column") and data.get("prompt_column") == data.get("answer_column"):
            raise forms.ValidationError("Prompts and answers stand in columns of their own.")
        return data


def assert_choice(field: forms.Field) -> forms.ChoiceField:
    if not isinstance(field, forms.ChoiceField):
        raise TypeError(field)
    return field
