"""Flag values and bounds as people type them into one line, and back, each with its exact type.

A number, true, false and null are what the task file takes for them; everything else is a text.
A text that would be read as something else stands in quotes: `"1"` is a text, `on` needs none.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal

from tasks_app.documents import (
    HALF_A_CHARACTER,
    DocumentError,
    is_text,
    plain_scalar,
    reads_as_text,
)
from tasks_app.expressions import Scalar

_OPENING, _CLOSING = "([{", ")]}"
_AMOUNT = re.compile(r"(?P<number>[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*(?P<unit>[a-z%]*)", re.I)
_SECONDS = {
    "": "1", "s": "1", "sec": "1", "second": "1", "seconds": "1", "ms": "0.001", "us": "0.000001",
    "min": "60", "minutes": "60",
}  # fmt: skip


def read_values(text: str) -> list[Scalar]:
    """The values of a list as it is typed: `1, 2, 4` or `auto, "1", true`.

    Commas within quotes, brackets and braces belong to a value. Raises DocumentError.
    """
    return [read_value(part) for part in _parts(text)]


def read_value(text: str) -> Scalar:
    """One value. Raises DocumentError for a quote without its end."""
    text = text.strip()
    if text[:1] in {'"', "'"}:
        return _quoted(text)
    return plain_scalar(text) if text else text


def write_values(values: Sequence[Scalar]) -> str:
    return ", ".join(map(write_value, values))


def write_value(value: Scalar) -> str:
    """As `read_value` and a list of `read_values` read it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    plain = (
        value == value.strip()
        and value[:1] not in {'"', "'", ""}
        and reads_as_text(value)
        and value.isprintable()
        and _parts(f"{value},0") == [value, "0"]
    )
    return value if plain else json.dumps(value, ensure_ascii=False)


def read_seconds(text: str) -> float | int | str:
    """`0.5`, `0.5 s`, `500 ms` or `2 min` in seconds; what is none of them as it is typed."""
    return _amount(text, _SECONDS)


def read_percent(text: str) -> float | int | str:
    """`1`, `1%` or `1 %` as the share 0.01; what is no percentage as it is typed."""
    return _amount(text, {"": "0.01", "%": "0.01", "percent": "0.01"})


def write_percent(share: object) -> str:
    """A share in percent, without the noise of binary fractions: 0.01 as `1`."""
    if isinstance(share, bool) or not isinstance(share, int | float):
        return str(share)
    return f"{(Decimal(repr(share)) * 100).normalize():f}"


def _amount(text: str, units: dict[str, str]) -> float | int | str:
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match["unit"].lower() not in units or len(text) > 40:
        return text.strip()
    try:
        product = Decimal(match["number"]) * Decimal(units[match["unit"].lower()])
    except ArithmeticError:  # no exponent that a Decimal can have
        return text.strip()
    value = float(product)
    is_whole = "." not in match["number"] and product == product.to_integral_value()
    return int(product) if is_whole and abs(value) < 1e15 and value else value


def _parts(text: str) -> list[str]:
    """The text cut at its commas outside quotes and brackets, blanks and empty parts left out."""
    parts: list[str] = []
    begun, depth, quote, escaped = "", 0, "", False
    for character in text:
        if quote:
            begun += character
            ends = character == quote and not escaped
            escaped = quote == '"' and character == "\\" and not escaped
            quote = "" if ends else quote
            continue
        if character == "," and depth <= 0:
            parts.append(begun)
            begun, depth = "", 0
            continue
        if character in "\"'" and (not begun.strip() or depth > 0):
            quote = character
        depth += (character in _OPENING) - (character in _CLOSING)
        begun += character
    return [part.strip() for part in (*parts, begun) if part.strip()]


def _quoted(text: str) -> str:
    if len(text) < 2 or text[-1] != text[0]:
        raise DocumentError(f"the quote {text[0]} in {text[:40]} has no end")
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DocumentError(f"{text[:40]} cannot be read as a text in quotes") from error
    if not is_text(value := str(value)):
        raise DocumentError(f"{text[:40]} {HALF_A_CHARACTER}")
    return value
