"""What decides the exit code besides the task itself: each gate passes, fails, or cannot tell.

A gate fails only for what is beyond noise. Pure functions.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from experiments_app import words
from experiments_app.ci.outcome import Outcome
from experiments_app.ci.regression import Change, Stored, change_in_words
from experiments_app.differences import MATTERS

SHARE = re.compile(r"(?P<percent>[0-9]{1,3}(?:\.[0-9]+)?)%|(?P<ratio>0?\.[0-9]+|0)")


class Finding(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Gate:
    """`why` is a sentence without its full stop."""

    name: str
    finding: Finding
    why: str

    def fails(self, *, strict: bool) -> bool:
        return self.finding is Finding.FAILED or (strict and self.finding is Finding.CANNOT_TELL)

    def to_data(self) -> dict[str, str]:
        return {"name": self.name, "finding": self.finding, "why": self.why}


def parse_share(text: str) -> float:
    """`5%` and `0.05` are the same. Raises ValueError."""
    match = SHARE.fullmatch(text.strip())
    share = math.nan
    if match:
        share = float(match["percent"]) / 100 if match["percent"] else float(match["ratio"])
    if not 0 <= share < 1:
        raise ValueError(f"{text!r} is no share; write 5% or 0.05: from 0% to below 100%")
    return share


def not_below_baseline(now: Outcome) -> Gate:
    """What is recommended is not worse than the default, and there is something to recommend."""
    return Gate("not worse than the default", *_below_baseline(now))


def no_regression(now: Outcome, change: Change | None, most: float) -> Gate:
    """What is recommended is not worse by more than `most` than what the stored run recommended."""
    return Gate(f"no more than {_percent(most)} worse", *_regressed(now, change, most))


def exit_fails(gates: Iterable[Gate], *, strict: bool) -> bool:
    return any(gate.fails(strict=strict) for gate in gates)


def _below_baseline(now: Outcome) -> tuple[Finding, str]:
    if not now.has_completed:
        return Finding.CANNOT_TELL, f"the task {_ended(now)}: there is nothing to judge"
    if now.best is None:
        return Finding.FAILED, now.verdict or "nothing meets the SLO"
    if now.best.number == 0:
        return Finding.PASSED, "the default itself is recommended"
    if now.gain is None:
        return Finding.PASSED, f"{now.best.name} meets the SLO, and the default has no score"
    if now.gain_ci95 is None:
        told = f"{now.best.name} is at {words.percent(now.gain)}, measured once"
        return Finding.CANNOT_TELL, f"{told}: no final has shown how much of that is noise"
    low, high = now.gain_ci95
    told = f"{now.best.name} is at {words.percent(now.gain)} (95%: {words.interval((low, high))})"
    if high < -MATTERS:
        return Finding.FAILED, f"{told}: worse than the default, beyond noise"
    if low >= -MATTERS:
        return Finding.PASSED, told
    return Finding.CANNOT_TELL, f"{told}: the noise hides whether it is worse than the default"


def _regressed(now: Outcome, change: Change | None, most: float) -> tuple[Finding, str]:
    if not now.has_completed:
        return Finding.CANNOT_TELL, f"the task {_ended(now)}: there is nothing to compare"
    if change is None:
        return Finding.CANNOT_TELL, "there is no earlier completed run to compare with"
    if change.obstacle:
        told = f"{change.stored.name} answers another question: {change.obstacle}"
        return Finding.CANNOT_TELL, told
    if change.best is None:
        return _without_scores(now, change.stored)
    told = f"{change_in_words(change.best)} against {change.stored.name}"
    devices = [one.device or "an unknown device" for one in (now, change.stored.outcome)]
    if devices[0] != devices[1]:
        return Finding.CANNOT_TELL, f"{told}, but they were measured on {' and '.join(devices)}"
    if change.unknown:
        return Finding.CANNOT_TELL, f"{told}, but {change.unknown}"
    limit, half = math.log1p(-most), change.best.half_width
    if change.best.value + half < limit:
        worse = f"{told}: worse by more than the {_percent(most)} that are allowed, beyond noise"
        return Finding.FAILED, worse + _alike(change)
    if change.best.value - half >= limit:
        return Finding.PASSED, told
    hidden = f"the noise hides whether more than the {_percent(most)} that are allowed were lost"
    return Finding.CANNOT_TELL, f"{told}: {hidden}"


def _without_scores(now: Outcome, stored: Stored) -> tuple[Finding, str]:
    """Where one of the two has no answer."""
    then = stored.outcome.best
    if now.best is None and then is None:
        return Finding.CANNOT_TELL, f"nothing meets the SLO, neither here nor in {stored.name}"
    if now.best is None and then is not None:
        score = words.score(then.objective_score or 0.0, stored.outcome.objective)
        return Finding.FAILED, f"nothing meets the SLO any more; {stored.name} came to {score}"
    if now.best is not None and then is None:
        return Finding.PASSED, f"{now.best.name} meets the SLO; in {stored.name} nothing did"
    return Finding.CANNOT_TELL, "one of the two answers has no score"


def _alike(change: Change) -> str:
    """Where the default, whose flags nobody changed, got worse as well."""
    default = change.default
    if default is None or default.value + default.half_width >= 0:
        return ""
    return (
        f"; the default, whose flags are the same, changed by {change_in_words(default)}: look at"
        " the engine, the model and the machine"
    )


def _ended(now: Outcome) -> str:
    return {"failed": "failed", "cancelled": "was cancelled"}.get(now.status, f"is {now.status}")


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"
