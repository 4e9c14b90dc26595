"""What differs between two versions of a task, key by key, fit for anybody to read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasks_app.masking import masked_document

_MISSING = object()
_VALUE_KEYS = {"low", "high", "step", "log", "values", "when"}


@dataclass(frozen=True)
class Change:
    """One key that was set, changed, or taken away: None stands for a key that is not there."""

    key: str
    before: str | None
    after: str | None

    @property
    def is_hidden(self) -> bool:
        """A secret: it changed, and both of its values are masked."""
        return self.before == self.after


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """In the order of the task file. Secrets are compared as they are and shown as masks."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    shown_old, shown_new = _shown_leaves(before), _shown_leaves(after)
    keys = [*new, *(key for key in old if key not in new)]
    return [
        Change(key, shown_old.get(key), shown_new.get(key))
        for key in keys
        if _differ(old.get(key, _MISSING), new.get(key, _MISSING))
    ]


def _differ(one: Any, other: Any) -> bool:
    """Also 1 and true, which Python takes for the same."""
    return one is not other and (one != other or json.dumps(one) != json.dumps(other))


def _shown_leaves(document: Mapping[str, Any]) -> dict[str, str]:
    return {key: text_of(value) for key, value in _leaves(masked_document(document))}


def _leaves(value: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """`("optimization.seed", 0)` for every value; what a parameter may be is one value."""
    for key, item in value.items():
        path = f"{place}{key}"
        if isinstance(item, Mapping) and item and not item.keys() <= _VALUE_KEYS:
            yield from _leaves(item, f"{path}.")
        elif item not in ({}, None):
            yield path, item


def text_of(value: Any) -> str:
    """A text as it is, anything else as the task file has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
