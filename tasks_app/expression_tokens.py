"""From the text of an expression to its tokens, each with its column."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks_app.expression_tree import ExpressionError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<string>"[^"\n]*"|'[^'\n]*')
    | (?P<name>[A-Za-z_]\w*(?:[-.]\w+)*)
    | (?P<operator><=|>=|==|!=|//|[-+*/%<>()\[\],])
    )""",
    re.VERBOSE | re.ASCII,
)
_KEYWORDS = {"and", "or", "not", "in", "true", "false", "null"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    column: int


def tokens(text: str) -> Iterator[Token]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            blank = len(text[position:]) - len(text[position:].lstrip())
            column = position + blank + 1
            raise ExpressionError(_unreadable(text[column - 1]), column)
        kind = match.lastgroup
        token = match[kind]
        column = match.start(kind) + 1
        if kind == "name" and token in _KEYWORDS:
            kind = "keyword"
        if kind == "number" and text[match.end() : match.end() + 1].isalpha():
            raise ExpressionError("a number runs into a name", column)
        yield Token(kind, token, column)
        position = match.end()


def _unreadable(character: str) -> str:
    hints = {
        "=": "compare with ==",
        "&": "write and",
        "|": "write or",
        "!": "write not, or != to compare",
        '"': "the string is not closed",
        "'": "the string is not closed",
        "{": "flag names stand without braces",
    }
    hint = hints.get(character)
    return f"cannot read {character!r}" + (f": {hint}" if hint else "")


def number_of(token: Token) -> int | float:
    if token.text.isdigit():
        return int(token.text)
    number = float(token.text)
    if math.isinf(number):
        raise ExpressionError("the number is too large", token.column)
    return number
