"""What a final's readings say: who is better than the default, and who cannot be told apart.

Pure functions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments_app.differences import (
    FEWEST_ROUNDS,
    Comparison,
    Noise,
    Reading,
    level_of_look,
)
from experiments_app.final_result import FinalVerdict

TO_BE_TOLD = 0.10
"""A gain of this share that stays hidden in the noise makes the machine too noisy."""


@dataclass(frozen=True)
class Judgement:
    """`is_settled`: more rounds would change nothing of it."""

    verdict: FinalVerdict
    winner: int
    tied: tuple[int, ...]
    is_settled: bool
    comparison: Comparison
    why: str = ""


def compare(
    readings: Sequence[Reading],
    *,
    rounds: int,
    planned: int,
    is_last: bool = False,
    earlier: Noise | None = None,
) -> Comparison | None:
    """The intervals after so many `rounds` of those planned; None before any can be had.

    A final that ends before its time spends at its last look what was kept for the later ones.
    """
    if rounds < FEWEST_ROUNDS:
        return None
    leaders = max(len({one.number for one in readings}) - 1, 1)
    level = level_of_look(rounds, rounds if is_last else planned) / leaders
    return Comparison(readings, level=level, earlier=earlier)


def judge(
    comparison: Comparison, default: int, leaders: Sequence[int], changed: Mapping[int, int]
) -> Judgement:
    """`changed`: how many flags of each differ from the default's: of those that cannot be told
    from the best the one with the fewest wins, then the one with the lower number."""
    over_default = {number: comparison.difference(number, default) for number in leaders}
    better = [number for number in leaders if over_default[number].is_told]
    if not better:
        settled = all(
            comparison.difference(default, number).is_told or over_default[number].is_none
            for number in leaders
        )
        hidden = max(over_default.values(), key=lambda one: one.value + one.half_width)
        limit = math.log1p(TO_BE_TOLD)
        if hidden.half_width > limit and hidden.value + hidden.half_width > limit:
            why = too_noisy(comparison.noise)
            return Judgement(FinalVerdict.NOISY, default, (), settled, comparison, why)
        return Judgement(FinalVerdict.DEFAULT, default, (), settled, comparison)
    top = max(better, key=lambda number: over_default[number].value)
    against = {n: comparison.difference(top, n) for n in leaders if n != top}
    tied = sorted(n for n in better if n == top or not against[n].is_told)
    settled = all(one.is_told or one.is_none for one in against.values())
    winner = min(tied, key=lambda number: (changed.get(number, 0), number))
    if len(tied) == 1:
        return Judgement(FinalVerdict.BETTER, winner, (), settled, comparison)
    return Judgement(FinalVerdict.TIE, winner, tuple(tied), settled, comparison)


def too_noisy(noise: Noise) -> str:
    return (
        f"the same configuration measured again differs by {math.expm1(noise.sd):.1%}"
        f" (standard deviation), so that a gain of {TO_BE_TOLD:.0%} cannot be told"
    )
