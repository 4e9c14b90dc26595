"""The admin's two forms that write: the checks are those of the site."""

from typing import TYPE_CHECKING, Any

from django import forms

from tasks_app.labels import parse_labels
from tasks_app.models import Label, Preset
from tasks_app.presets.document import check_preset
from tasks_app.presets.keeping import check_name
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import site_runtimes

if TYPE_CHECKING:
    LabelForm = forms.ModelForm[Label]
    PresetModelForm = forms.ModelForm[Preset]
else:
    LabelForm = PresetModelForm = forms.ModelForm


class LabelAdminForm(LabelForm):
    class Meta:
        model = Label
        fields = ("name",)

    def clean_name(self) -> str:
        try:
            names = parse_labels(self.cleaned_data["name"])
        except SpecError as error:
            raise forms.ValidationError([str(problem) for problem in error.problems]) from error
        if len(names) != 1:
            raise forms.ValidationError("Write one label: a comma separates two.")
        others = Label.objects.exclude(pk=self.instance.pk)
        if others.filter(name__iexact=names[0]).exists():
            raise forms.ValidationError("There is such a label already; capitals make no other.")
        return names[0]


class PresetAdminForm(PresetModelForm):
    class Meta:
        model = Preset
        fields = (
            "name", "base_runtime", "description", "parameters", "fixed_parameters", "notes",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        document = {
            name: cleaned[name] or {} for name in ("parameters", "fixed_parameters", "notes")
        }
        document |= {name: cleaned[name] for name in ("name", "base_runtime", "description")}
        try:
            preset, _ = check_preset(document, catalogue=site_runtimes())
            check_name(preset, self.instance if self.instance.pk else None)
        except SpecError as error:
            for problem in error.problems:
                self._add(problem)
            return cleaned
        return cleaned | preset.to_data()

    def _add(self, problem: Problem) -> None:
        field = problem.path.partition(".")[0].partition("[")[0]
        self.add_error(field if field in self.fields else None, str(problem))
