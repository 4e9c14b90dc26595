"""An input for a secret, which is written and never read.

It says that there is one, and is empty: left so, what is stored stays; a box beside it removes it.
For whoever reads the form this is the mask, which stands for what is stored, or nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tasks_app.masking import MASK

NONE: Final = "none"
LOST: Final = f"{MASK}?"
"""What stands for a secret that was typed and is not sent back. Like any mask that hides nothing it
is refused, so that a field that was not filled in again does not become an empty one."""
SAFE_TO_SHOW: Final = frozenset({MASK, NONE, LOST})
CHECKED: Final = SafeString(" checked")
SET: Final = "set; left empty, it stays as it is"


class SecretInput(forms.PasswordInput):
    """`is_set`: whether a secret is stored that an empty field keeps."""

    is_set = False

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, render_value=True)

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str:
        text = str(data.get(name) or "").strip()
        if text and text != LOST:
            return text
        if not self.is_set:
            return text
        return "" if data.get(clear_name(name)) else text or MASK

    def format_value(self, value: Any) -> str | None:
        if not value or (value == MASK and self.is_set):
            return None
        return str(value) if value in {NONE, LOST} else LOST

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        if not self.is_set:
            return super().render(name, value, attrs, renderer)
        shown = super().render(name, value, {**(attrs or {}), "placeholder": SET}, renderer)
        return format_html(
            '{}<div class="form-check mt-1"><input class="form-check-input" type="checkbox"'
            ' name="{}" id="id_{}"{}> <label class="form-check-label" for="id_{}">Remove it'
            '<span class="visually-hidden">: {}</span></label></div>',
            shown,
            clear_name(name),
            clear_name(name),
            "" if value else CHECKED,
            clear_name(name),
            name.replace("_", " "),
        )


def clear_name(name: str) -> str:
    """The name of the box that removes what is stored."""
    return f"{name}-clear"
