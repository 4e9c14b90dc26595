"""Whether a level was steady: the same at its end as at its beginning.

One rule for every level. What is judged are the means of batches of at least one wave of requests
(`batches.batch_size`): of TTFT, TPOT and E2E latency in the order of sending, and the output tokens
a second over time. With fewer than FEWEST_BATCHES of them nothing can be told. A level is

* *trending* where Kendall's rank correlation of a figure with time is significant (the Mann-Kendall
  test, taken on batches because neighbours depend on each other) and the line through it (Theil and
  Sen's, which a few outliers do not move) rises or falls by at least LEAST_CHANGE from end to end;
* *warming up* where there is no such trend, but the first fifth differs significantly from the last
  half (Geweke's comparison) by at least that much;
* else *steady*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

import numpy as np

FEWEST_BATCHES = 8
"""With fewer no trend could be significant unless every batch followed it."""
SIGNIFICANCE = 0.005
"""Four figures are looked at, by two tests each: a steady level is called otherwise in about 4 % of
all cases at most, and in fewer because small changes do not count."""
LEAST_CHANGE = 0.05
FIRST_SHARE, LAST_SHARE = 0.2, 0.5


class Verdict(StrEnum):
    STEADY = "steady"
    TRENDING = "trending"
    WARMING_UP = "warming_up"
    TOO_SHORT = "too_short"


@dataclass(frozen=True)
class Steadiness:
    """`figure` and `change` say which one changed most and by how much from the beginning to the
    end, as a ratio - 1; "" and 0 for what is steady."""

    verdict: Verdict
    figure: str = ""
    change: float = 0.0

    def to_data(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": str(self.verdict)}


def judge(figures: Mapping[str, Sequence[float]]) -> Steadiness:
    """`figures`: the batch means of each figure, in the order of time."""
    long_enough = {name: means for name, means in figures.items() if len(means) >= FEWEST_BATCHES}
    if not long_enough:
        return Steadiness(Verdict.TOO_SHORT)
    for verdict, change_of in ((Verdict.TRENDING, trend), (Verdict.WARMING_UP, early_change)):
        changes = {name: change_of(means) for name, means in long_enough.items()}
        name = max(changes, key=lambda name: abs(changes[name]))
        if abs(changes[name]) >= LEAST_CHANGE:
            return Steadiness(verdict, name, changes[name])
    return Steadiness(Verdict.STEADY)


def trend(means: Sequence[float]) -> float:
    """By how much the line through the means changes from the first to the last, as a ratio - 1; 0
    where that may be chance."""
    from scipy import stats  # takes a second, and only who measures needs it

    places = np.arange(len(means))
    if np.ptp(means) == 0:
        return 0.0
    if stats.kendalltau(places, means).pvalue > SIGNIFICANCE:
        return 0.0
    slope, intercept, *_ = stats.theilslopes(means, places)
    first, last = intercept, intercept + slope * places[-1]
    return float(last / first - 1) if first > 0 and last > 0 else 0.0


def early_change(means: Sequence[float]) -> float:
    """By how much the last half is above the first fifth, as a ratio - 1; 0 where that is too
    little, or may be chance."""
    from scipy import stats

    first = means[: max(2, round(FIRST_SHARE * len(means)))]
    last = means[-round(LAST_SHARE * len(means)) :]
    change = fmean(last) / fmean(first) - 1 if fmean(first) > 0 else 0.0
    if abs(change) < LEAST_CHANGE:
        return 0.0
    within = max(np.ptp(first), np.ptp(last))
    is_even = within < 1e-9 * fmean(last)  # then the test has nothing to divide by
    return change if is_even or stats.ttest_ind(first, last).pvalue <= SIGNIFICANCE else 0.0
