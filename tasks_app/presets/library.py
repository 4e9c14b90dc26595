"""Finding presets: the shipped ones, then those of this site by name."""

from tasks_app.models import Preset
from tasks_app.presets.info import OWN, PresetInfo
from tasks_app.presets.shipped import shipped_presets


def all_presets() -> list[PresetInfo]:
    """One query."""
    return [*shipped_presets(), *map(PresetInfo.of_row, Preset.objects.all())]


def presets_for(base_runtime: str) -> list[PresetInfo]:
    """The presets of one runtime. One query."""
    shipped = [preset for preset in shipped_presets() if preset.base_runtime == base_runtime]
    rows = Preset.objects.filter(base_runtime=base_runtime)
    return [*shipped, *map(PresetInfo.of_row, rows)]


def find_preset(key: str) -> PresetInfo | None:
    """The preset of this key, None where there is none (any more)."""
    kind, _, number = key.partition(":")
    if kind == OWN:
        if not (number.isascii() and number.isdecimal() and len(number) < 16):
            return None
        row = Preset.objects.filter(pk=int(number)).first()
        return PresetInfo.of_row(row) if row else None
    return next((preset for preset in shipped_presets() if preset.key == key), None)
