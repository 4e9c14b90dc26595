"""A small, safe expression language for constraints, conditions and device counts.

    tp-size * dp-size <= gpus
    not enable-x or 1 <= chunk < 4096
    cache-type-k in ["f16", "q8_0"]

*Names* are flag names and are read greedily, dashes included: `tp-size` is one name and
`a-b` is one name too, so a subtraction needs blanks: `a - b`. *Literals*: numbers, strings
in single or double quotes (no escapes), `true`, `false`, `null`. *Operators*, loosest first:
`or`, `and`, `not`, comparisons (`== != < <= > >= in not in`, chained as in Python),
`+ -`, `* / // %`, unary `-`; functions `min`, `max`, `abs`, and `if(condition, a, b)`;
parentheses; `[…]` after `in`.

`null` is a flag that is left out and whose default is not known. Comparing it for order or
calculating with it gives null again ("unknown"), as in SQL; a constraint whose outcome is
unknown holds, a condition whose outcome is unknown is not met. `== null` and `!= null` are true
or false.

Nothing is ever given to Python's `eval`: the text becomes a tree of the classes in
`expression_tree`, bounded in length and depth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from tasks_app.expression_tokens import Token, number_of, tokens
from tasks_app.expression_tree import (
    Binary,
    Call,
    Comparison,
    Conditional,
    ExpressionError,
    Junction,
    Literal,
    Membership,
    Name,
    Negation,
    Node,
    Not,
    Scalar,
)

__all__ = ["Condition", "Constraint", "Expression", "ExpressionError", "Scalar"]

MAX_LENGTH = 500
MAX_DEPTH = 20

_FUNCTIONS = {"min", "max", "abs", "if"}
_CONSTANTS: Mapping[str, Scalar] = {"true": True, "false": False, "null": None}
_ORDER = {"<", "<=", ">", ">=", "==", "!="}


@dataclass(frozen=True)
class Expression:
    """A parsed expression. Make one with `Expression.parse`."""

    text: str
    tree: Node = field(repr=False, compare=False)
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ExpressionError with the column of what is wrong."""
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"longer than {MAX_LENGTH} characters")
        parser = _Parser(list(tokens(text)), len(text) + 1)
        tree = parser.parse()
        return cls(text=text, tree=tree, names=tuple(sorted(set(tree.names()))))

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        """Raises ExpressionError for a name without a value, a division by zero, a wrong type."""
        return self.tree.evaluate(values)


@dataclass(frozen=True)
class Constraint(Expression):
    """An expression that says yes or no about a configuration."""

    def holds(self, values: Mapping[str, Scalar]) -> bool:
        """Whether the configuration may be used; unknown (null) counts as yes.

        Raises ExpressionError where the expression has no truth value.
        """
        outcome = self.evaluate(values)
        if outcome is None:
            return True
        if isinstance(outcome, bool):
            return outcome
        raise ExpressionError(f"gives {outcome!r}, not true or false; compare it with something")

    def conjuncts(self) -> "tuple[Constraint, ...]":
        """Constraints that hold together where this one does: the parts of an `and`."""
        if not (isinstance(self.tree, Junction) and self.tree.word == "and"):
            return (self,)
        return tuple(
            Constraint(self.text, part, tuple(sorted(set(part.names()))))
            for part in self.tree.parts
        )


@dataclass(frozen=True)
class Condition(Expression):
    """An expression that says when a flag is set."""

    def is_met(self, values: Mapping[str, Scalar]) -> bool:
        """Whether the flag is set; unknown (null) counts as no, as in SQL's WHERE.

        Raises ExpressionError where the expression has no truth value.
        """
        outcome = self.evaluate(values)
        if outcome is None or isinstance(outcome, bool):
            return outcome is True
        raise ExpressionError(f"gives {outcome!r}, not true or false; compare it with something")


class _Parser:
    """Recursive descent, one method a level of precedence."""

    def __init__(self, tokens: list[Token], end_column: int) -> None:
        self._tokens = tokens
        self._end = Token("end", "the end", end_column)
        self._position = 0
        self._depth = 0

    def parse(self) -> Node:
        if not self._tokens:
            raise ExpressionError("empty", 1)
        tree = self._or()
        if self._peek().kind != "end":
            raise self._unexpected("an operator")
        return tree

    def _peek(self) -> Token:
        return self._tokens[self._position] if self._position < len(self._tokens) else self._end

    def _next(self) -> Token:
        token = self._peek()
        self._position += 1
        return token

    def _take(self, *texts: str) -> Token | None:
        token = self._peek()
        if token.kind in {"operator", "keyword"} and token.text in texts:
            return self._next()
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise self._unexpected(f"{text!r}")

    def _unexpected(self, wanted: str) -> ExpressionError:
        token = self._peek()
        found = "the end" if token.kind == "end" else repr(token.text)
        return ExpressionError(f"expected {wanted}, found {found}", token.column)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH}", self._peek().column)

    def _or(self) -> Node:
        return self._junction("or")

    def _junction(self, word: str) -> Node:
        below = self._not if word == "and" else lambda: self._junction("and")
        parts = [below()]
        while self._take(word):
            parts.append(below())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _not(self) -> Node:
        token = self._take("not")
        if token is None:
            return self._comparison()
        self._deeper()
        node = Not(self._not(), token.column)
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        operands = [self._sum()]
        operators: list[tuple[str, int]] = []
        while True:
            token = self._take(*_ORDER, "in", "not")
            if token is None:
                break
            if token.text in {"in", "not"}:
                if token.text == "not":
                    self._expect("in")
                if operators:
                    raise ExpressionError("in cannot be chained", token.column)
                return Membership(operands[0], self._list(), token.text == "not")
            operators.append((token.text, token.column))
            operands.append(self._sum())
        return Comparison(tuple(operands), tuple(operators)) if operators else operands[0]

    def _list(self) -> tuple[Node, ...]:
        self._expect("[")
        items = [self._sum()]
        while self._take(","):
            items.append(self._sum())
        self._expect("]")
        return tuple(items)

    def _sum(self) -> Node:
        node = self._product()
        while token := self._take("+", "-"):
            node = Binary(token.text, node, self._product(), token.column)
        return node

    def _product(self) -> Node:
        node = self._unary()
        while token := self._take("*", "/", "//", "%"):
            node = Binary(token.text, node, self._unary(), token.column)
        return node

    def _unary(self) -> Node:
        token = self._take("-")
        if token is None:
            return self._atom()
        self._deeper()
        node = Negation(self._unary(), token.column)
        self._depth -= 1
        return node

    def _atom(self) -> Node:
        token = self._peek()
        match token.kind:
            case "number":
                self._next()
                return Literal(number_of(token))
            case "string":
                self._next()
                return Literal(token.text[1:-1])
            case "keyword" if token.text in _CONSTANTS:
                self._next()
                return Literal(_CONSTANTS[token.text])
            case "name":
                self._next()
                return self._call(token) if self._take("(") else Name(token.text, token.column)
            case "operator" if token.text == "(":
                self._next()
                self._deeper()
                node = self._or()
                self._depth -= 1
                self._expect(")")
                return node
            case _:
                raise self._unexpected("a flag name or a value")

    def _call(self, function: Token) -> Node:
        if function.text not in _FUNCTIONS:
            raise ExpressionError(
                f"no function {function.text!r}; there are {', '.join(sorted(_FUNCTIONS))}",
                function.column,
            )
        self._deeper()
        arguments = [self._or() if function.text == "if" else self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        self._depth -= 1
        self._expect(")")
        if function.text == "if":
            if len(arguments) != 3:
                raise ExpressionError("if takes a condition and two values", function.column)
            return Conditional(*arguments)
        if (function.text == "abs") != (len(arguments) == 1):
            wanted = "one value" if function.text == "abs" else "two or more values"
            raise ExpressionError(f"{function.text} takes {wanted}", function.column)
        return Call(function.text, tuple(arguments), function.column)
