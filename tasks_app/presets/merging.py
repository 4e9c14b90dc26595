"""Bringing a preset's flags into a task document, and saying where the two disagree."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tasks_app.presets.info import PresetInfo
from tasks_app.presets.setting import SECTIONS, Section, Setting
from tasks_app.problems import Problem, SpecError

Side = Literal["mine", "preset"]


@dataclass(frozen=True)
class Conflict:
    """A flag that both set, and not alike: other values, or searched in one and fixed in the
    other. `chosen` is the side that the merged document follows, `note` the preset's reason."""

    flag: str
    mine: Setting
    theirs: Setting
    chosen: Side
    note: str = ""


@dataclass(frozen=True)
class Merge:
    """What came of a merge: the new document, and what became of each flag of the preset."""

    document: dict[str, Any]
    added: tuple[str, ...]
    same: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def merge(
    document: Mapping[str, Any],
    preset: PresetInfo,
    *,
    prefer: Side = "preset",
    choices: Mapping[str, Side] | None = None,
) -> Merge:
    """A copy of the task `document` with the preset's flags in it.

    Where both set a flag differently, `choices` says by flag which side counts, and `prefer` for
    the others. Everything else of the document stays. Raises SpecError where the document is of
    another runtime, or its sections of flags cannot be read.
    """
    merged = copy.deepcopy(dict(document))
    _check_runtime(merged, preset)
    for section in SECTIONS:
        merged[section] = _flags_of(merged, section)
    added: list[str] = []
    same: list[str] = []
    conflicts: list[Conflict] = []
    for flag in preset.flags:
        theirs = Setting(flag.section, copy.deepcopy(flag.value))
        mine = _setting_of(merged, flag.name)
        if mine is None:
            added.append(flag.name)
        elif mine.says_the_same(theirs):
            same.append(flag.name)
            continue
        else:
            chosen = (choices or {}).get(flag.name, prefer)
            conflicts.append(Conflict(flag.name, mine, theirs, chosen, flag.note))
            if chosen == "mine":
                continue
            if mine.section != theirs.section:
                del merged[mine.section][flag.name]
        merged[theirs.section][flag.name] = theirs.value
    return Merge(merged, tuple(added), tuple(same), tuple(conflicts))


def _check_runtime(document: dict[str, Any], preset: PresetInfo) -> None:
    """A document that names no runtime takes the preset's."""
    runtime = document.get("base_runtime") or preset.base_runtime
    if runtime != preset.base_runtime:
        message = f"the preset {preset.name!r} is for {preset.base_runtime}, not for {runtime}"
        raise SpecError([Problem("base_runtime", message, "choose a preset of this runtime")])
    document["base_runtime"] = runtime


def _flags_of(document: Mapping[str, Any], section: Section) -> dict[str, Any]:
    flags = document.get(section)
    if flags is None:
        return {}
    if not isinstance(flags, Mapping):
        message = "must be a mapping of flag names before a preset can be brought in"
        raise SpecError([Problem(section, message)])
    return dict(flags)


def _setting_of(document: Mapping[str, Any], flag: str) -> Setting | None:
    for section in SECTIONS:
        if flag in document[section]:
            return Setting(section, document[section][flag])
    return None
