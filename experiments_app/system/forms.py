"""The form of the settings that can be made in the browser."""

from collections.abc import Mapping

from django import forms
from django.contrib.auth.models import User
from django.db import transaction

from experiments_app.site_settings import DEFINITIONS, Definition, Setting, Source, store
from tasks_app.form.secret_input import SecretInput
from tasks_app.masking import MASK


class SettingField(forms.CharField):
    """Kept as its check says; a mask that comes back stands for the value that it hides."""

    def __init__(self, definition: Definition, setting: Setting) -> None:
        self.definition = definition
        self.setting = setting
        attributes = {"class": "form-control", "autocomplete": "off", "spellcheck": "false"}
        if placeholder := definition.placeholder or definition.default:
            attributes["placeholder"] = placeholder
        widget: forms.Widget = forms.TextInput(attrs=attributes)
        if definition.secret:
            attributes["autocomplete"] = "new-password"
            if setting.is_given:
                attributes["placeholder"] = "set"
            widget = SecretInput(attrs=attributes)
            widget.is_set = bool(self.kept)
        super().__init__(
            label=definition.name,
            help_text=definition.help,
            required=False,
            disabled=setting.is_given,
            max_length=2000,
            initial=_shown(definition, setting),
            widget=widget,
        )

    @property
    def is_secret(self) -> bool:
        return self.definition.secret

    @property
    def kept(self) -> str:
        """What is stored now, or ""."""
        return self.setting.value if self.setting.source is Source.BROWSER else ""

    def clean(self, value: str | None) -> str:
        text = super().clean(value).strip()
        if self.disabled:
            return ""
        if MASK in text:
            if text != self.setting.shown:
                raise forms.ValidationError("Put the secret in again, whole.")
            return self.kept
        try:
            return self.definition.check(text) if text else ""
        except ValueError as error:
            raise forms.ValidationError(f"This {error}.") from error  # without what was typed


class FlagField(forms.BooleanField):
    def __init__(self, definition: Definition, setting: Setting) -> None:
        self.definition = definition
        self.setting = setting
        super().__init__(
            label=definition.name,
            help_text=definition.help,
            required=False,
            disabled=setting.is_given,
            initial=bool(setting.value),
            widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        )

    def clean(self, value: object) -> object:
        return "1" if super().clean(value) and not self.disabled else ""


class SettingsForm(forms.Form):
    """What the environment or `.env` sets is shown and cannot be changed here."""

    def __init__(self, in_force: Mapping[str, Setting], data: Mapping[str, str] | None) -> None:
        super().__init__(data)
        self.in_force = in_force
        for name, setting in in_force.items():
            kind = FlagField if DEFINITIONS[name].is_flag else SettingField
            self.fields[name] = kind(DEFINITIONS[name], setting)
        if self.is_bound and self.errors:
            self._ask_again()
        for name in self.errors if self.is_bound else ():
            self.fields[name].widget.attrs["class"] += " is-invalid"

    def _ask_again(self) -> None:
        """Where a secret was typed that is not sent back."""
        for name, value in list(self.cleaned_data.items()):
            field = self.fields[name]
            if (
                isinstance(field, SettingField)
                and field.is_secret
                and value not in {"", field.kept}
            ):
                self.add_error(name, "Put it in again: what is typed here is not sent back.")

    def save(self, user: User) -> list[str]:
        """Store what differs from what is stored; the names of it."""
        changed = []
        with transaction.atomic():
            for name, setting in self.in_force.items():
                kept = setting.value if setting.source is Source.BROWSER else ""
                wanted = self.cleaned_data[name]
                if setting.is_given or (wanted == kept and not setting.fault):
                    continue
                store(name, wanted, user)
                changed.append(name)
        return changed


def _shown(definition: Definition, setting: Setting) -> str:
    is_own_secret = definition.secret and setting.source is not Source.BROWSER
    return "" if is_own_secret or setting.source is Source.DEFAULT else setting.shown
