"""Configurations as points in a Euclidean space, a group of coordinates a flag.

Within a group distances mean how differently two values act: numbers lie on a line from 0 to 1
(logarithmic where they span orders of magnitude), two categories are 1 apart, and "left out" is as
far from every other value as from none in particular. Flags that only past tasks have take part,
so that these are told apart by them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks_app.domains import Choices, Domain, Range, canonical
from tasks_app.space import Scalar, SearchSpace

Matrix = NDArray[np.floating[Any]]

LOG_FROM = 4.0
"""Positive numbers are laid out by their logarithm where the largest is this many times the
smallest."""


@dataclass(frozen=True)
class Encoding:
    groups: tuple["Group", ...]

    @classmethod
    def of(cls, space: SearchSpace, others: Iterable[Mapping[str, Scalar]] = ()) -> "Encoding":
        """For the configurations of `space` and `others`, whatever flags these have."""
        used: dict[str, dict[object, Scalar]] = {name: {} for name in space.names}
        for parameters in others:
            for name, value in parameters.items():
                used.setdefault(name, {})[canonical(value)] = value
        return cls(
            tuple(
                Group.of(name, space.parameters.get(name), tuple(values.values()))
                for name, values in used.items()
            )
        )

    def points(self, configurations: Sequence[Mapping[str, Scalar]]) -> list[Matrix]:
        """A matrix a group, a row a configuration."""
        return [group.points(configurations) for group in self.groups]


@dataclass(frozen=True)
class Group:
    """A flag. `line` maps a number to its place; other values have an axis each."""

    name: str
    line: tuple[float, float, bool] | None
    categories: Mapping[object, int]

    @classmethod
    def of(cls, name: str, domain: Domain | None, used: Sequence[Scalar]) -> "Group":
        values = list(used)
        log = False
        if isinstance(domain, Range):
            values += [domain.low, domain.high]
            log = domain.log
        elif isinstance(domain, Choices):
            values += domain.options
        numbers = sorted({float(v) for v in values if is_number(v)})  # type: ignore[arg-type]
        own = (
            sorted(
                {float(v) for v in _ends(domain) if is_number(v)}  # type: ignore[arg-type]
            )
            or numbers
        )
        line = None
        if len(numbers) > 1:
            log = log or (numbers[0] > 0 and own[-1] >= LOG_FROM * own[0])
            log = log and numbers[0] > 0
            low, high = (own[0], own[-1]) if len(own) > 1 else (numbers[0], numbers[-1])
            line = (math.log(low), math.log(high), True) if log else (low, high, False)
        others = {canonical(v): v for v in values if not is_number(v)}
        return cls(name, line, {key: index for index, key in enumerate(others)})

    def points(self, configurations: Sequence[Mapping[str, Scalar]]) -> Matrix:
        result = np.zeros((len(configurations), 1 + len(self.categories)))
        for row, configuration in enumerate(configurations):
            value = configuration.get(self.name)
            if is_number(value) and self.line is not None:
                result[row, 0] = _place(float(value), *self.line)  # type: ignore[arg-type]
            elif (index := self.categories.get(canonical(value))) is not None:
                result[row, 0] = 0.5 if self.line is not None else 0.0
                result[row, 1 + index] = math.sqrt(0.5)
            elif self.line is not None:
                result[row, 0] = 0.5
        return result


def _place(number: float, low: float, high: float, log: bool) -> float:
    """From 0 to 1 between `low` and `high`, which are logarithms where `log`; not far beyond."""
    if log:
        number = math.log(number) if number > 0 else low
    return min(2.0, max(-1.0, (number - low) / (high - low)))


def _ends(domain: Domain | None) -> Sequence[Scalar]:
    if isinstance(domain, Range):
        return (domain.low, domain.high)
    return domain.options if isinstance(domain, Choices) else ()


def is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
