"""Bringing a preset into the task form: shown first where the two disagree, nothing saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks_app.form import rows as form_rows
from tasks_app.form.rows import FIXED, PARAMETERS, Row
from tasks_app.form.task import TaskForm
from tasks_app.models import Task
from tasks_app.presets import Merge, PresetInfo, find_preset, merge
from tasks_app.presets.info import SHIPPED
from tasks_app.presets.merging import Conflict, Side
from tasks_app.problems import SpecError

SIDE = "side-"
_ROWS = (PARAMETERS, FIXED)


@dataclass(frozen=True)
class PresetOffer:
    """What a preset would do to the form, or has done. `conflicts` are to be settled first."""

    preset: PresetInfo | None
    conflicts: tuple[Conflict, ...] = ()
    done: str = ""
    trouble: str = ""


def with_preset(data: Mapping[str, Any], key: str, task: Task | None, *, settle: bool) -> TaskForm:
    """The form as it was typed, with the preset's flags in it where nothing is lost by it.

    `settle`: what is posted as `side-FLAG` says whose value counts where both set a flag.
    """
    form = TaskForm(data, task=task)
    form.is_live = True
    form.full_clean()
    preset = _preset_for(form.typed("base_runtime"), key)
    if preset is None:
        return _offering(form, PresetOffer(None, trouble="There is no such preset any more."))
    if not all(_is_read(form, section) for section in _ROWS):
        trouble = "Two rows say the same flag, or one cannot be read: mend it first."
        return _offering(form, PresetOffer(preset, trouble=trouble))
    sides: dict[str, Side] = {
        name.removeprefix(SIDE): "preset" if data[name] == "preset" else "mine"
        for name in data
        if name.startswith(SIDE)
    }
    try:
        merged = merge(form.typed_document, preset, prefer="mine", choices=sides)
    except SpecError as error:
        return _offering(form, PresetOffer(preset, trouble=str(error)))
    if merged.conflicts and not settle:
        return _offering(form, PresetOffer(preset, conflicts=merged.conflicts))
    changed = TaskForm(_with_rows(data, form, merged), task=task)
    return _offering(changed, PresetOffer(preset, done=_said(merged)))


def _preset_for(runtime: str, key: str) -> PresetInfo | None:
    """The preset of this key. Of a shipped one the runtime's own, where it has one of that name:
    the page may still show those of the runtime that was chosen before."""
    kind, _, rest = key.partition(":")
    name = rest.partition(":")[2]
    own = find_preset(f"{kind}:{runtime}:{name}") if kind == SHIPPED else None
    return own or find_preset(key)


def _offering(form: TaskForm, offer: PresetOffer) -> TaskForm:
    form.offer = offer
    return form


def _is_read(form: TaskForm, section: str) -> bool:
    """Whether every row of a section stands in the document that was read."""
    filled = [row for row in form.rows[section] if not row.is_blank]
    return len(filled) == len(form.typed_document.get(section, {}))


def _with_rows(data: Mapping[str, Any], form: TaskForm, merged: Merge) -> dict[str, str]:
    """What was typed, with new rows where the merge says otherwise than they did."""
    gone = (*(f"{section}-" for section in _ROWS), SIDE)
    kept = {key: str(data[key]) for key in data if not key.startswith(gone)}
    rows: list[Row] = []
    for section in _ROWS:
        made = form_rows.rows_of(section, merged.document[section])
        typed = {row.name: row.cells for row in form.rows[section]}
        before = form.typed_document.get(section, {})
        for row in made:
            is_as_before = before.get(row.name) == merged.document[section][row.name]
            if row.name in typed and is_as_before:
                row.cells = typed[row.name]
        rows += made
    return kept | form_rows.all_fields(rows)


def _said(merged: Merge) -> str:
    taken = [conflict.flag for conflict in merged.conflicts if conflict.chosen == "preset"]
    parts = []
    if merged.added:
        parts.append(f"added {', '.join(merged.added)}")
    if taken:
        parts.append(f"changed {', '.join(taken)}")
    return "; ".join(parts) or "everything stands here already"
