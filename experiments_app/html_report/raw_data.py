"""All that was measured as JSON, to stand in a page: the shape of `export_results`."""

import json
from dataclasses import dataclass
from typing import Any

from experiments_app.results import RunResults

DIGITS = 6
"""Of a number where the whole is long: a measurement is good for three or four."""
ROUNDED = "For the size of this file numbers are rounded to six digits here."
SHORTENED = (
    "For the size of this file numbers are rounded to six digits here, and the intervals and"
    " conditions of single load levels are left out."
)


@dataclass(frozen=True)
class RawData:
    """`note`: what is not as `export_results` has it; "" where nothing is."""

    text: str
    note: str = ""


def raw_data(results: RunResults, room: int) -> RawData:
    """As exact as it has room in so many bytes. What is too long even when it is shortened has
    more."""
    data = results.to_data()
    exact = in_page(data)
    if len(exact.encode()) <= room:
        return RawData(exact)
    data = rounded(data)
    short = in_page(data)
    if len(short.encode()) <= room:
        return RawData(short, ROUNDED)
    return RawData(in_page(without_details(data)), SHORTENED)


def in_page(data: Any) -> str:
    """JSON that ends no script element and opens no comment."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def rounded(data: Any) -> Any:
    """With every fraction to DIGITS significant digits."""
    match data:
        case float():
            return float(f"{data:.{DIGITS}g}")
        case dict():
            return {key: rounded(value) for key, value in data.items()}
        case list() | tuple():
            return [rounded(value) for value in data]
        case _:
            return data


def without_details(data: dict[str, Any]) -> dict[str, Any]:
    """Every experiment and load level with its figures, and nothing about those."""
    details: dict[str, Any] = {"conditions": {}, "intervals": {}}
    experiments = [
        one | {"measurements": [level | details for level in one["measurements"]]}
        for one in data["experiments"]
    ]
    return data | {"experiments": experiments}
