"""A preset as everything else sees it, whether it is a file or a row."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from tasks_app.models import Preset
from tasks_app.presets.setting import Setting
from tasks_app.space import SearchSpace
from tasks_app.spec_parameters import parse_domain

SHIPPED = "shipped"
OWN = "own"


@dataclass(frozen=True)
class PresetFlag(Setting):
    """A flag of a preset; `value` is a domain where it is searched, else one scalar."""

    name: str
    note: str


@dataclass(frozen=True)
class PresetInfo:
    """A parameter set of one runtime, its flags written as in the task file.

    `key` names it in addresses: `shipped:sglang:throughput`, `own:12`. `notes` says of each flag
    why it is there.
    """

    key: str
    base_runtime: str
    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fixed_parameters: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    is_shipped: bool = False

    @classmethod
    def of_row(cls, row: Preset) -> Self:
        return cls(
            key=f"{OWN}:{row.pk}",
            base_runtime=row.base_runtime,
            name=row.name,
            description=row.description,
            parameters=row.parameters,
            fixed_parameters=row.fixed_parameters,
            notes=row.notes,
        )

    @property
    def pk(self) -> int | None:
        """The row's number; None for a shipped one."""
        return None if self.is_shipped else int(self.key.removeprefix(f"{OWN}:"))

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        sentence = re.split(r"(?<=[.!?])\s", self.description.strip(), maxsplit=1)[0]
        return textwrap.shorten(sentence, 200, placeholder=" …")

    @property
    def flags(self) -> Iterator[PresetFlag]:
        """The searched ones first."""
        for name, domain in self.parameters.items():
            yield PresetFlag("parameters", domain, name, self.notes.get(name, ""))
        for name, value in self.fixed_parameters.items():
            yield PresetFlag("fixed_parameters", value, name, self.notes.get(name, ""))

    @property
    def size(self) -> int | None:
        """How many configurations its flags make; None where a range has no end of values."""
        domains = {name: parse_domain(data) for name, data in self.parameters.items()}
        return SearchSpace(domains).size_bound()

    def to_data(self) -> dict[str, Any]:
        """The preset file's content, keys in the file's order, nothing empty."""
        data: dict[str, Any] = {
            "name": self.name,
            "base_runtime": self.base_runtime,
            "description": self.description,
            "parameters": dict(self.parameters),
            "fixed_parameters": dict(self.fixed_parameters),
            "notes": dict(self.notes),
        }
        return {key: value for key, value in data.items() if value}
