"""What a new task starts from when it is made of a preset."""

from typing import Any

from tasks_app.document_form import new_document
from tasks_app.presets.info import PresetInfo
from tasks_app.presets.merging import merge


def document_of(preset: PresetInfo) -> dict[str, Any]:
    """An empty form's document with the preset's engine and flags in it."""
    return merge(new_document() | {"base_runtime": preset.base_runtime}, preset).document
