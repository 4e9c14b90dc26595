"""Whether a configuration that is started again still keeps what was promised. Pure functions.

What was promised is the score as it was measured: of the final where there was one, else of the
search. What is measured now is one more reading like those. So the question is whether it comes
from where they came from: by how much a further reading may differ from the mean of `n` others is
Student's prediction interval, `t · sd · √(1 + 1/n)` (Hahn and Meeker, Statistical Intervals, 1991,
ch. 4), with the noise that the final has found for a reading of any configuration of the run.

- Only being worse breaks a promise, and never by less than what matters (`differences.MATTERS`).
- Where nothing was measured twice, nothing is known of the noise: then `drift.MUCH` is allowed,
  from which on a search itself says that the machine may have changed.
- A machine so noisy that a loss of `final_verdict.TO_BE_TOLD` lies within what is allowed cannot
  confirm such a loss, nor rule it out: the answer is that it is not clear.
- An SLO that is broken breaks the promise, whatever the score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from experiments_app.differences import LEVEL, MATTERS, Noise
from experiments_app.drift import MUCH
from experiments_app.final_verdict import TO_BE_TOLD


class VerifyVerdict(StrEnum):
    KEPT = "kept"
    NOT_KEPT = "not kept"
    UNCLEAR = "not clear"


@dataclass(frozen=True)
class Judged:
    """`change`: how much better it is now, as a share. `allowed`: how much worse it may be by
    chance, as a share; `readings` is how many times the promise was measured."""

    verdict: VerifyVerdict
    change: float
    allowed: float
    readings: int
    is_noise_known: bool
    why: str = ""


def judge(
    promised: Sequence[float], measured: float, noise: Noise | None, misses: Sequence[str]
) -> Judged:
    """`promised` and `measured`: logarithms of scores, more being better; `misses`: the SLOs that
    are broken now, in words."""
    change = measured - math.fsum(promised) / len(promised)
    is_known = noise is not None and noise.df > 0
    half = -math.log1p(-MUCH)
    if noise is not None and is_known:
        half = noise.half_width(math.sqrt(1 + 1 / len(promised)), LEVEL)
    allowed = max(half, -math.log1p(-MATTERS))
    found = Judged(
        VerifyVerdict.KEPT, math.expm1(change), -math.expm1(-allowed), len(promised), is_known
    )
    if misses:
        return _because(found, VerifyVerdict.NOT_KEPT, misses[0])
    if change < -allowed:
        why = f"that is more than the {found.allowed:.1%} by which it may be worse by chance"
        return _because(found, VerifyVerdict.NOT_KEPT, why)
    if change < math.log1p(-TO_BE_TOLD):
        why = f"on this machine a measurement may be worse by {found.allowed:.0%} by chance"
        return _because(found, VerifyVerdict.UNCLEAR, why)
    return found


def _because(found: Judged, verdict: VerifyVerdict, why: str) -> Judged:
    return replace(found, verdict=verdict, why=why)
