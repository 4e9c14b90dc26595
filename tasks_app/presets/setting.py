"""How one flag is set, in a preset or in a task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import PydanticCustomError

from tasks_app.domains import Choices, canonical, same_value
from tasks_app.space import Scalar
from tasks_app.spec_parameters import parse_domain

Section = Literal["parameters", "fixed_parameters"]
SECTIONS: tuple[Section, Section] = ("parameters", "fixed_parameters")


@dataclass(frozen=True)
class Setting:
    """How a flag is set: under which section of the task file, and to what."""

    section: Section
    value: Any

    @property
    def is_searched(self) -> bool:
        return self.section == "parameters"

    @property
    def is_range(self) -> bool:
        """Whether its domain is written with keys: a range, or choices under a condition."""
        return self.is_searched and isinstance(self.value, Mapping)

    def says_the_same(self, other: "Setting") -> bool:
        """Whether both have the same effect: choices in another order do, true and 1 do not."""
        if self.section != other.section:
            return False
        if not self.is_searched:
            return same_value(self.value, other.value)
        try:
            mine, theirs = parse_domain(self.value), parse_domain(other.value)
        except PydanticCustomError:
            return False
        if isinstance(mine, Choices) and isinstance(theirs, Choices):
            same = _as_set(mine.options) == _as_set(theirs.options)
            return same and mine.when == theirs.when
        return mine == theirs


def _as_set(options: tuple[Scalar, ...]) -> frozenset[tuple[str, Scalar]]:
    return frozenset(canonical(option) for option in options)
