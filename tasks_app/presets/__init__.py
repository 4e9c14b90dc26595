"""Parameter sets to start from: shipped ones, and those that people keep on this site."""

from tasks_app.presets.info import PresetInfo
from tasks_app.presets.library import all_presets, find_preset, presets_for
from tasks_app.presets.merging import Conflict, Merge, merge
from tasks_app.presets.setting import Setting

__all__ = [
    "Conflict",
    "Merge",
    "PresetInfo",
    "Setting",
    "all_presets",
    "find_preset",
    "merge",
    "presets_for",
]
