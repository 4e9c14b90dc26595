"""The fields of the task form: which key of the task file each holds, and how it is written.

A field's text becomes a value of the task document and back; what the value may be is the
business of `spec.py` alone. A text that cannot be read as the field's kind is passed on as it is
typed, so that the schema can say what is wrong with it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms

from tasks_app.documents import load_document
from tasks_app.form.secret_input import NONE, SecretInput
from tasks_app.form.values import read_percent, write_percent
from tasks_app.scenarios import split_scenarios
from tasks_app.spec_sections import AUTO
from tasks_app.taskfile import dump_document

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_FRACTION = re.compile(r"[0-9]{0,18}\.[0-9]{1,18}", re.ASCII)
OMITTED: Final = object()
NEVER: Final = "never"


@dataclass(frozen=True)
class Kind:
    """How a value is written in a field. `read` raises DocumentError for an unreadable text.

    `none`: the word for null, where that is not the default, which an empty field stands for.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    rows: int = 0
    none: str = ""


def _read_number(text: str) -> int | str:
    text = text.strip()
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def _read_number_or_never(text: str) -> int | str | None:
    return None if text.strip().casefold() == NEVER else _read_number(text)


def _read_numbers(text: str) -> list[int | str]:
    return [_read_number(part) for part in re.split(r"[,;\s]+", text) if part]


def _read_concurrencies(text: str) -> list[int | str] | str:
    return AUTO if text.strip().casefold() == AUTO else _read_numbers(text)


def _read_names(text: str) -> list[str]:
    return [part for part in re.split(r"[,;\s]+", text) if part]


def _read_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _write_yaml(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return dump_document(value).rstrip("\n") if value else ""


def _write_yaml_or_empty(value: Any) -> str:
    return _write_yaml(value) or "{}"


def _join(value: Any, separator: str = ", ") -> str:
    return separator.join(map(str, value)) if isinstance(value, list) else str(value)


def _read_fraction(text: str) -> int | float | str:
    text = text.strip()
    return float(text) if _FRACTION.fullmatch(text) else _read_number(text)


def _read_switch(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text.strip(), text.strip())


def _read_override(text: str) -> str:
    """The word `none` is the empty text, which an empty field cannot be."""
    return "" if text.strip() == NONE else text.strip()


LINE = Kind(read=str.strip, write=str)
OVERRIDE = Kind(read=_read_override, write=lambda value: str(value) or NONE)
SWITCH = Kind(read=_read_switch, write=lambda value: str(value).lower())
FRACTION = Kind(read=_read_fraction, write=str)
PROSE = Kind(read=lambda text: text.replace("\r\n", "\n"), write=str, rows=2)
NUMBER = Kind(read=_read_number, write=str)
NUMBER_OR_NEVER = Kind(read=_read_number_or_never, write=str, none=NEVER)
CONCURRENCIES = Kind(read=_read_concurrencies, write=_join)
NAMES = Kind(read=_read_names, write=_join)
SCENARIOS = Kind(read=split_scenarios, write=_join)
PERCENT = Kind(read=read_percent, write=write_percent)

LINES = Kind(read=_read_lines, write=lambda value: _join(value, "\n"), rows=3)
YAML = Kind(read=load_document, write=_write_yaml, rows=4)
# In the task form it is filled in row by row (`form_rows`), elsewhere as one text.
ROWS = Kind(read=load_document, write=_write_yaml, rows=4)
# Where the default is not empty, an empty value must be told from none.
YAML_WITH_DEFAULT = Kind(read=load_document, write=_write_yaml_or_empty, rows=2)


@dataclass(frozen=True)
class FieldPlace:
    """One field: its key in the task document, as `benchmark.num_concurrency`, and its looks.

    An empty field leaves its key out, so that the default holds. `width` is that of the field in
    its section: wide, half, third or quarter. What is typed in a `secret` one is never sent back.
    `explained`: all choices are seen at once, each with what it means. `offers`: further choices,
    of what the site has now.
    """

    name: str
    path: str
    kind: Kind
    label: str
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    explained: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    width: str = "wide"
    secret: bool = False
    offers: Callable[[], Sequence[tuple[str, str]]] = tuple

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.path.split("."))

    def form_field(self) -> forms.Field:
        widget: forms.Widget
        if self.choices:
            choices = [*self.choices, *self.offers()]
            widget = forms.Select(attrs={"class": "form-select"}, choices=choices)
        elif self.kind.rows:
            widget = forms.Textarea(
                attrs={"class": "form-control", "rows": self.kind.rows, "spellcheck": "false"}
            )
        elif self.secret:
            widget = SecretInput(attrs={"class": "form-control", "autocomplete": "new-password"})
        else:
            widget = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})
        if self.kind is NUMBER:
            widget.attrs["inputmode"] = "numeric"
        if self.kind is FRACTION:
            widget.attrs["inputmode"] = "decimal"
        widget.attrs.update(self.attributes)
        return forms.CharField(
            label=self.label, help_text=self.help, required=False, widget=widget, strip=False
        )

    def read(self, text: str) -> Any:
        """The value of a text; OMITTED for none. Raises DocumentError."""
        return self.kind.read(text) if text.strip() else OMITTED

    def text_in(self, document: Mapping[str, Any]) -> str:
        """What the field shows of a document."""
        value: Any = document
        for key in self.keys:
            if not isinstance(value, Mapping) or key not in value:
                return ""
            value = value[key]
            if value is None:
                return self.kind.none if key == self.keys[-1] else ""
        return self.kind.write(value)


@dataclass(frozen=True)
class Section:
    """`more`: parts that most tasks leave as they are, folded away."""

    title: str
    help: str
    places: tuple[FieldPlace, ...]
    slug: str = ""
    more: tuple["Section", ...] = ()

    @property
    def all_places(self) -> Iterator[FieldPlace]:
        yield from self.places
        for section in self.more:
            yield from section.all_places
