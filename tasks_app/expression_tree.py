"""The tree that an expression is parsed into; each node knows how to evaluate itself.

A null operand makes arithmetic and ordering null ("unknown"); `and`, `or`, `not` follow
Kleene's three-valued logic.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

Scalar = str | int | float | bool | None


class ExpressionError(ValueError):
    """An expression cannot be read or evaluated; `column` counts from 1, 0 where it has none."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(f"column {column}: {message}" if column else message)
        self.message = message
        self.column = column


class Node(Protocol):
    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar: ...

    def names(self) -> Iterator[str]: ...


@dataclass(frozen=True)
class Literal:
    value: Scalar

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        return self.value

    def names(self) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True)
class Name:
    name: str
    column: int

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        try:
            return values[self.name]
        except KeyError:
            raise ExpressionError(f"{self.name!r} has no value", self.column) from None

    def names(self) -> Iterator[str]:
        yield self.name


@dataclass(frozen=True)
class Negation:
    operand: Node
    column: int

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        number = _number(self.operand.evaluate(values), "-", self.column)
        return None if number is None else -number

    def names(self) -> Iterator[str]:
        return self.operand.names()


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Node
    right: Node
    column: int

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        left = _number(self.left.evaluate(values), self.operator, self.column)
        right = _number(self.right.evaluate(values), self.operator, self.column)
        if left is None or right is None:
            return None
        try:
            result = self._calculate(left, right)
        except ZeroDivisionError:
            raise ExpressionError("divides by zero", self.column) from None
        except OverflowError:
            raise ExpressionError("the result is too large", self.column) from None
        if isinstance(result, float) and not math.isfinite(result):
            raise ExpressionError("the result is too large", self.column)
        return result

    def _calculate(self, left: float, right: float) -> int | float:
        match self.operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "//":
                return left // right
            case _:
                return left % right

    def names(self) -> Iterator[str]:
        yield from self.left.names()
        yield from self.right.names()


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Node, ...]
    column: int

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        known: list[int | float] = []
        for argument in self.arguments:
            number = _number(argument.evaluate(values), self.function, self.column)
            if number is None:
                return None
            known.append(number)
        if self.function == "abs":
            return abs(known[0])
        return min(known) if self.function == "min" else max(known)

    def names(self) -> Iterator[str]:
        for argument in self.arguments:
            yield from argument.names()


@dataclass(frozen=True)
class Conditional:
    """`if(condition, a, b)`; unknown where the condition is."""

    condition: Node
    if_true: Node
    if_false: Node

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        truth = _truth(self.condition.evaluate(values), "if")
        if truth is None:
            return None
        return (self.if_true if truth else self.if_false).evaluate(values)

    def names(self) -> Iterator[str]:
        for part in (self.condition, self.if_true, self.if_false):
            yield from part.names()


@dataclass(frozen=True)
class Comparison:
    """`a < b <= c`: every neighbouring pair must hold. `operators` are (text, column)."""

    operands: tuple[Node, ...]
    operators: tuple[tuple[str, int], ...]

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        unknown = False
        left = self.operands[0].evaluate(values)
        for (operator, column), operand in zip(self.operators, self.operands[1:], strict=True):
            right = operand.evaluate(values)
            outcome = _compare(operator, left, right, column)
            if outcome is False:
                return False
            unknown = unknown or outcome is None
            left = right
        return None if unknown else True

    def names(self) -> Iterator[str]:
        for operand in self.operands:
            yield from operand.names()


@dataclass(frozen=True)
class Membership:
    item: Node
    choices: tuple[Node, ...]
    negated: bool

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        item = self.item.evaluate(values)
        found = any(_same(item, choice.evaluate(values)) for choice in self.choices)
        return found != self.negated

    def names(self) -> Iterator[str]:
        yield from self.item.names()
        for choice in self.choices:
            yield from choice.names()


@dataclass(frozen=True)
class Not:
    operand: Node
    column: int

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        truth = _truth(self.operand.evaluate(values), "not")
        return None if truth is None else not truth

    def names(self) -> Iterator[str]:
        return self.operand.names()


@dataclass(frozen=True)
class Junction:
    """`and` or `or` of two or more parts, evaluated from the left until the outcome is sure."""

    word: str
    parts: tuple[Node, ...]

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        decisive = self.word == "or"
        unknown = False
        for part in self.parts:
            truth = _truth(part.evaluate(values), self.word)
            if truth is decisive:
                return decisive
            unknown = unknown or truth is None
        return None if unknown else not decisive

    def names(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.names()


def _number(value: Scalar, operator: str, column: int) -> int | float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{operator} needs numbers, not {_shown(value)}", column)
    return value


def _truth(value: Scalar, word: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ExpressionError(f"{word} needs true or false, not {_shown(value)}")


def _same(left: Scalar, right: Scalar) -> bool:
    """Equality that, unlike Python's, keeps true apart from 1 and false from 0."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _compare(operator: str, left: Scalar, right: Scalar, column: int) -> bool | None:
    if operator == "==":
        return _same(left, right)
    if operator == "!=":
        return not _same(left, right)
    if left is None or right is None:
        return None
    if isinstance(left, str) and isinstance(right, str):
        raise ExpressionError(f"{operator} does not order strings", column)
    first, second = _number(left, operator, column), _number(right, operator, column)
    if first is None or second is None:
        return None
    match operator:
        case "<":
            return first < second
        case "<=":
            return first <= second
        case ">":
            return first > second
        case _:
            return first >= second


def _shown(value: Scalar) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
