"""What one flag of a search space may be: listed choices, or a range of numbers.

Both may be under a condition: `when` is an expression of other flags, "" for always. Where it is
not met the flag is left out.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, overload

from tasks_app.expressions import Scalar

SIGNIFICANT_DIGITS = 6
"""Drawn fractions are rounded to this, so that a command line stays readable."""


@dataclass(frozen=True)
class Choices:
    """Listed values, in the order in which they were given."""

    options: tuple[Scalar, ...]
    when: str = ""

    def values(self) -> Sequence[Scalar]:
        return self.options

    def contains(self, value: Scalar) -> bool:
        return any(same_value(value, option) for option in self.options)

    def quantile(self, position: float) -> Scalar:
        """The value at `position` in [0, 1) of the domain; equal shares for all."""
        return self.options[int(position * len(self.options))]

    def sample(self, rng: random.Random) -> Scalar:
        return self.quantile(rng.random())

    def to_data(self) -> list[Scalar] | dict[str, Any]:
        options = list(self.options)
        return {"values": options, "when": self.when} if self.when else options


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Integers without a step are every integer, log or not. Fractions with a step are a grid
    from `low` upwards in decimal arithmetic (0.7, 0.75, …, never 0.7500000000000001) that
    holds `high` where it falls on the grid; without one they are continuous. `log` draws
    log-uniformly and needs `low` > 0.
    """

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False
    when: str = ""

    @property
    def integer(self) -> bool:
        return all(isinstance(end, int) for end in (self.low, self.high, self.step or 0))

    def values(self) -> Sequence[int | float] | None:
        """Every value in ascending order, made on demand; None where there is a continuum."""
        if self.integer:
            return range(int(self.low), int(self.high) + 1, int(self.step or 1))
        return self._grid

    @cached_property
    def _grid(self) -> "DecimalGrid | None":
        if self.step is None:
            return DecimalGrid(self.low, 1, 1) if self.low == self.high else None
        span = Decimal(repr(self.high)) - Decimal(repr(self.low))
        return DecimalGrid(self.low, self.step, int(span // Decimal(repr(self.step))) + 1)

    def contains(self, value: Scalar) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.integer and not isinstance(value, int):
            return False
        values = self.values()
        return self.low <= value <= self.high if values is None else value in values

    def quantile(self, position: float) -> int | float:
        """The value at `position` in [0, 1) of the range, on its own scale."""
        values = self.values()
        if not self.log or self.low == self.high:
            if values is not None:
                return values[int(position * len(values))]
            return self.rounded(self.low + position * (self.high - self.low))
        if values is None:
            return self.rounded(self.low * math.pow(self.high / self.low, position))
        # Every integer owns the stretch of half a step to both sides of it.
        low, high = self.low - 0.5, self.high + 0.5
        drawn = round(low * math.pow(high / low, position))
        return min(int(self.high), max(int(self.low), drawn))

    def sample(self, rng: random.Random) -> int | float:
        return self.quantile(rng.random())

    def rounded(self, number: float) -> float:
        """`number` with few digits, inside the range."""
        short = float(f"{number:.{SIGNIFICANT_DIGITS}g}")
        return float(min(self.high, max(self.low, short)))

    def to_data(self) -> dict[str, Scalar]:
        data: dict[str, Scalar] = {"low": self.low, "high": self.high}
        if self.step is not None:
            data["step"] = self.step
        if self.log:
            data["log"] = True
        if self.when:
            data["when"] = self.when
        return data


class DecimalGrid(Sequence[float]):
    """`low, low + step, …`: `count` numbers, each the float nearest to its exact decimal."""

    def __init__(self, low: float, step: float, count: int) -> None:
        self._low = Decimal(repr(low))
        self._step = Decimal(repr(step))
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return [self[position] for position in range(self._count)[index]]
        position = range(self._count)[index]
        return float(self._low + position * self._step)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        position = bisect_left(self, float(value))
        return position < self._count and self[position] == value


Domain = Choices | Range


def same_value(left: Scalar, right: Scalar) -> bool:
    """Equality that, unlike Python's, keeps true apart from 1; 1 and 1.0 are the same."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def canonical(value: Scalar) -> tuple[str, Scalar]:
    """A hashable stand-in for `value`: equal exactly where `same_value` is true."""
    return ("bool" if isinstance(value, bool) else "", value)
