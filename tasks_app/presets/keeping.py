"""Keeping presets on this site, each under a name that is its own among its runtime's."""

import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tasks_app.models import Preset
from tasks_app.presets.document import PresetDocument
from tasks_app.presets.library import presets_for
from tasks_app.problems import Problem, SpecError

MAX_NAME = 100
OnClash = Literal["refuse", "rename", "replace"]


def free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or with the first number that makes it a new one: `small models (2)`."""
    used = set(taken)
    if name not in used:
        return name
    name = re.sub(r" \(\d{1,6}\)$", "", name)
    for number in itertools.count(2):
        suffix = f" ({number})"
        candidate = name[: MAX_NAME - len(suffix)] + suffix
        if candidate not in used:
            return candidate
    raise AssertionError("numbers have no end")


def next_name(name: str, base_runtime: str) -> str:
    """A free name for a copy of what is called `name`."""
    return free_name(name[:MAX_NAME], _names_of(base_runtime))


def keep(preset: PresetDocument, user: User | None) -> Preset:
    """Save it as a new one. Raises SpecError where its name is taken."""
    check_name(preset)
    try:
        with transaction.atomic():
            return Preset.objects.create(created_by=user, **preset.to_data())
    except IntegrityError as error:  # taken in this very moment
        raise SpecError([_taken(preset)]) from error


def replace(row: Preset, preset: PresetDocument, *, seen: datetime) -> None:
    """Write it over `row`. Raises SpecError where its name is taken, StaleState where the row is no
    longer what was read at `seen`."""
    check_name(preset, row)
    try:
        with transaction.atomic():
            row.replace(preset.to_data(), seen=seen)
    except IntegrityError as error:
        raise SpecError([_taken(preset)]) from error


def keep_all(
    presets: Sequence[PresetDocument], user: User | None, on_clash: OnClash
) -> tuple[list[Preset], list[str]]:
    """Save all of an import or none; returns the rows, and in words what was named or replaced.

    Raises SpecError with every name that is taken, as `on_clash` does not say what to do then.
    """
    rows: list[Preset] = []
    notes: list[str] = []
    problems: list[Problem] = []
    with transaction.atomic():
        for index, preset in enumerate(presets):
            own = Preset.objects.filter(base_runtime=preset.base_runtime, name=preset.name).first()
            if own is not None and on_clash == "replace" and own not in rows:
                own.replace(preset.to_data(), seen=own.updated_at)
                rows.append(own)
                notes.append(f"{preset.name!r} was replaced.")
                continue
            name = free_name(preset.name, _names_of(preset.base_runtime))
            if name != preset.name and on_clash != "rename":
                path = "name" if len(presets) == 1 else f"presets[{index}].name"
                problems.append(_taken(preset, path))
                continue
            if name != preset.name:
                notes.append(f"{preset.name!r} is named {name!r} here.")
            renamed = preset.model_copy(update={"name": name})
            rows.append(Preset.objects.create(created_by=user, **renamed.to_data()))
        if problems:
            raise SpecError(problems)  # which takes back what was saved
    return rows, notes


def check_name(preset: PresetDocument, but: Preset | None = None) -> None:
    """Raises SpecError where another preset of its runtime has its name, a shipped one too."""
    own_key = f"own:{but.pk}" if but else ""
    others = [other for other in presets_for(preset.base_runtime) if other.key != own_key]
    if preset.name in {other.name for other in others}:
        raise SpecError([_taken(preset)])


def _taken(preset: PresetDocument, path: str = "name") -> Problem:
    free = free_name(preset.name, _names_of(preset.base_runtime))
    message = f"there is a preset {preset.name!r} for {preset.base_runtime} already"
    return Problem(path, message, f"{free!r} is free")


def _names_of(base_runtime: str) -> list[str]:
    return [preset.name for preset in presets_for(base_runtime)]
