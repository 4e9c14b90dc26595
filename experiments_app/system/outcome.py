"""What a check found, for the page and for `doctor` alike."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"  # some tasks cannot run, others can
    FAULT = "fault"


class Outcome(NamedTuple):
    verdict: Verdict
    message: str
    remedy: str = ""


def fine(message: str) -> Outcome:
    return Outcome(Verdict.OK, message)


def warning(message: str, remedy: str) -> Outcome:
    return Outcome(Verdict.WARNING, message, remedy)


def fault(message: str, remedy: str) -> Outcome:
    return Outcome(Verdict.FAULT, message, remedy)
