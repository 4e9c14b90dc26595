"""What a flag's name and a flag's value may look like, whatever the engine."""

import math
import re
from typing import Annotated

from pydantic import AfterValidator

from tasks_app.expressions import Scalar
from tasks_app.validation import refusal, shown

MAX_TEXT = 4_000
MAX_NUMBER = 2**63 - 1
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*", re.ASCII)
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no value may hold: line ends, NUL, escapes, halves of a surrogate pair."""


def check_flag_name(name: str) -> str:
    if name.startswith("-") and _NAME.fullmatch(name.lstrip("-")):
        raise refusal(
            f"flag {name!r} is written without leading dashes", f"write {name.lstrip('-')}"
        )
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise refusal(
            f"{shown(name)} is not a flag name", "letters and digits, dashes between, as tp-size"
        )
    return name


FlagName = Annotated[str, AfterValidator(check_flag_name)]


def check_scalar(value: object) -> Scalar:
    """A value that can stand on a command line: text, a finite number, true, false or null."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_NUMBER:
            raise refusal(f"{shown(value)} is too large")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise refusal(f"must be a finite number, not {value}")
        return value
    if isinstance(value, str):
        return _check_text(value)
    raise refusal(f"must be text, a number, true, false or null, not {shown(value)}")


def _check_text(value: str) -> str:
    if not value:
        raise refusal("must not be an empty text", "write null to leave the flag out")
    if len(value) > MAX_TEXT:
        raise refusal(f"is longer than {MAX_TEXT} characters")
    if CONTROL_CHARACTER.search(value):
        raise refusal(f"{shown(value)} holds a control character")
    if value.startswith("-"):
        raise refusal(f"{shown(value)} would be read as another flag", "start it without a dash")
    return value
