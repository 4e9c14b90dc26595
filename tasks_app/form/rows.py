"""The parts of a task that are filled in as rows: the flags to try, the fixed ones, the SLO.

A row is posted as `parameters-0-name`, `parameters-0-values`, …: the section, the row's number and
what it is. Numbers say the order and nothing else. What cannot be read stays as it is typed, so
that the schema can say what is wrong with it; what no document can hold (a flag that stands twice)
is a fault of its row.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks_app.documents import DocumentError
from tasks_app.form.values import (
    read_seconds,
    read_value,
    read_values,
    write_value,
    write_values,
)
from tasks_app.spec_sections import LATENCY_METRICS, STATISTICS

Cells = dict[str, str]
CHOICES, RANGE, LOG = "choices", "range", "log"
RANGE_PARTS = ("low", "high", "step")
_SLO_KEY = re.compile(r"([a-z0-9]+)_([a-z0-9]+)_s", re.ASCII)
_FIELD = re.compile(r"(?P<section>[a-z_]+)-(?P<number>[0-9]{1,6})-(?P<part>[a-z]+)", re.ASCII)


@dataclass
class Row:
    """One row as it was typed. `errors`: what is wrong with it, found here or by the schema."""

    section: str
    number: int
    cells: Cells
    errors: list[str] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        return f"{self.section}-{self.number}"

    @property
    def name(self) -> str:
        """The row's key in the task document."""
        if self.section == SLO:
            return f"{self.cells['metric']}_{self.cells['statistic']}_s"
        return self.cells["name"].strip()

    @property
    def is_blank(self) -> bool:
        return not any(self.cells[part].strip() for part in TYPED[self.section])

    def fields(self) -> dict[str, str]:
        """As a browser sends it."""
        return {f"{self.prefix}-{part}": text for part, text in self.cells.items()}


PARAMETERS, FIXED, SLO = "parameters", "fixed_parameters", "slo"
# What a new row holds.
BLANK: Mapping[str, Cells] = {
    PARAMETERS: {
        "name": "",
        "kind": CHOICES,
        "values": "",
        "low": "",
        "high": "",
        "step": "",
        "when": "",
    },
    FIXED: {"name": "", "value": ""},
    SLO: {"metric": LATENCY_METRICS[0], "statistic": STATISTICS[-1], "bound": ""},
}
# A row in which nothing of this is typed counts as not there.
TYPED: Mapping[str, tuple[str, ...]] = {
    PARAMETERS: ("name", "values", *RANGE_PARTS, "when"),
    FIXED: ("name", "value"),
    SLO: ("bound",),
}
SECTIONS = tuple(BLANK)


def posted_rows(data: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The rows of each section that a form holds, in their order."""
    found: dict[str, dict[int, Cells]] = {section: {} for section in SECTIONS}
    for key in data:
        match = _FIELD.fullmatch(key)
        if match is None or match["section"] not in found:
            continue
        blank = BLANK[match["section"]]
        if match["part"] in blank:
            cells = found[match["section"]].setdefault(int(match["number"]), dict(blank))
            cells[match["part"]] = str(data[key])
    return {
        section: [Row(section, number, cells) for number, cells in sorted(rows.items())]
        for section, rows in found.items()
    }


def rows_of(section: str, value: object) -> list[Row]:
    """The rows that show a section of a task document; what no row can hold is left out."""
    if not isinstance(value, Mapping):
        return []
    write = {PARAMETERS: _parameter_cells, FIXED: _fixed_cells, SLO: _slo_cells}[section]
    cells = [write(str(name), item) for name, item in value.items()]
    return [Row(section, number, made) for number, made in enumerate(filter(None, cells))]


def section_of(rows: list[Row]) -> dict[str, Any]:
    """What rows of one section say, as it stands in a task document; their faults are noted."""
    section: dict[str, Any] = {}
    for row in rows:
        if row.is_blank:
            continue
        if not row.name:
            row.errors.append("Name the flag.")
            continue
        if row.name in section:
            what = "bound" if row.section == SLO else "flag"
            row.errors.append(f"This {what} stands in an earlier row already. Keep one of the two.")
            continue
        try:
            section[row.name] = _READERS[row.section](row.cells)
        except DocumentError as error:
            row.errors.append(str(error))
    return section


def row_at(rows: list[Row], key: str) -> Row | None:
    """The row that holds the key of a problem: `tp-size[1]` or `compilation-config.level`."""
    named = [row for row in rows if not row.is_blank and _starts(key, row.name)]
    return max(named, key=lambda row: len(row.name), default=None)


def _starts(key: str, name: str) -> bool:
    return key == name or key.startswith((f"{name}[", f"{name}."))


# Parameters


def _read_domain(cells: Cells) -> Any:
    when = {"when": condition} if (condition := " ".join(cells["when"].split())) else {}
    if cells["kind"] not in {RANGE, LOG}:
        values = read_values(cells["values"])
        return {"values": values} | when if when else values
    ends = {part: read_value(cells[part]) for part in RANGE_PARTS if cells[part].strip()}
    return ends | ({"log": True} if cells["kind"] == LOG else {}) | when


def _parameter_cells(name: str, value: object) -> Cells | None:
    blank = BLANK[PARAMETERS] | {"name": name}
    if isinstance(value, Mapping) and isinstance(value.get("when"), str) and value["when"]:
        blank |= {"when": value["when"]}
        value = {key: item for key, item in value.items() if key != "when"}
        value = value["values"] if value.keys() == {"values"} else value
    if isinstance(value, list):
        if all(item is None or isinstance(item, str | int | float) for item in value):
            return blank | {"values": write_values(value)}
        return None
    if not isinstance(value, Mapping) or not set(value) <= {*RANGE_PARTS, "log"}:
        return None
    ends = {part: value[part] for part in RANGE_PARTS if value.get(part) is not None}
    if not all(isinstance(end, str | int | float) for end in ends.values()):
        return None
    kind = LOG if value.get("log") is True else RANGE
    return blank | {"kind": kind} | {part: write_value(end) for part, end in ends.items()}


# Fixed parameters


def _fixed_cells(name: str, value: object) -> Cells | None:
    if value is None or isinstance(value, str | int | float):
        return {"name": name, "value": write_value(value)}
    return None


# The SLO


def _read_bound(cells: Cells) -> float | int | str:
    return read_seconds(cells["bound"])


def _slo_cells(key: str, value: object) -> Cells | None:
    match = _SLO_KEY.fullmatch(key)
    if match is None or value is None or not isinstance(value, str | int | float):
        return None
    return {"metric": match[1], "statistic": match[2], "bound": str(value)}


_READERS = {
    PARAMETERS: _read_domain,
    FIXED: lambda cells: read_value(cells["value"]),
    SLO: _read_bound,
}


# What the buttons of the rows do


def with_action(data: Mapping[str, str], action: str) -> dict[str, str] | None:
    """What was typed, after a button that adds a row or takes one away; None for other buttons."""
    verb, _, rest = action.partition("_")
    section, _, number = rest.rpartition("_")
    sent = {key: str(data[key]) for key in data}
    if verb == "add" and rest in SECTIONS:
        rows = posted_rows(data)[rest]
        after = max((row.number for row in rows), default=-1) + 1
        return sent | Row(rest, after, dict(BLANK[rest])).fields()
    if verb == "remove" and section in SECTIONS and number.isdecimal():
        gone = f"{section}-{number}-"
        return {key: text for key, text in sent.items() if not key.startswith(gone)}
    return None


def all_fields(rows: Iterable[Row]) -> dict[str, str]:
    return {name: text for row in rows for name, text in row.fields().items()}
