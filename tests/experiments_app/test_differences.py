"""How configurations compare from a few repeats: the formulas, and how often they err."""

import math

import numpy as np
import pytest
from scipy import stats

from experiments_app.differences import (
    BLOCKED_FROM,
    FEWEST_ROUNDS,
    LEVEL,
    Comparison,
    Difference,
    Noise,
    Reading,
    level_of_look,
    noise_of,
)

TEN_PERCENT = math.log(1.1)
TRIALS = 150


def readings(values: dict[int, list[float]]) -> list[Reading]:
    """`values`: of each number, a value a round."""
    return [
        Reading(number, at, value)
        for number, own in values.items()
        for at, value in enumerate(own, start=1)
    ]


def is_told_apart(rng: np.random.Generator, *, noise: float, gain: float, rounds: int) -> bool:
    """Whether two are told apart within so many rounds, looked at after each."""
    found: list[Reading] = []
    for at in range(1, rounds + 1):
        of_round = rng.normal(0, noise / 2)
        found.append(Reading(0, at, of_round + rng.normal(0, noise)))
        found.append(Reading(1, at, of_round + gain + rng.normal(0, noise)))
        if at < FEWEST_ROUNDS:
            continue
        comparison = Comparison(found, level=level_of_look(at, rounds))
        if comparison.difference(1, 0).is_told or comparison.difference(0, 1).is_told:
            return True
    return False


def share_told_apart(**how: float) -> float:
    rng = np.random.default_rng(20)
    told = [is_told_apart(rng, **how) for _ in range(TRIALS)]  # type: ignore[arg-type]
    return sum(told) / TRIALS


@pytest.mark.parametrize("noise", [0.01, 0.02, 0.04])
@pytest.mark.parametrize("rounds", [2, 4])
def test_it_seldom_tells_the_same_apart(noise: float, rounds: int) -> None:
    assert share_told_apart(noise=noise, gain=0, rounds=rounds) <= 0.05


@pytest.mark.parametrize(("noise", "rounds"), [(0.01, 3), (0.02, 4), (0.03, 6), (0.04, 8)])
def test_it_tells_ten_percent_apart(noise: float, rounds: int) -> None:
    assert share_told_apart(noise=noise, gain=TEN_PERCENT, rounds=rounds) >= 0.9


def test_its_interval_is_the_t_interval_of_two_samples() -> None:
    first, second = [4.60, 4.62, 4.61], [4.70, 4.73, 4.71]
    found = Comparison(readings({0: first, 7: second})).difference(7, 0)
    known = stats.ttest_ind(second, first).confidence_interval(1 - LEVEL)
    assert found.value - found.half_width == pytest.approx(known.low)
    assert found.value + found.half_width == pytest.approx(known.high)


def test_with_many_rounds_it_compares_within_rounds() -> None:
    rounds = [0.0, 0.3, -0.2, 0.5, 0.1, -0.4]
    assert len(rounds) >= BLOCKED_FROM
    first = [at + e for at, e in zip(rounds, [0.01, -0.01, 0.02, 0.0, -0.02, 0.01], strict=True)]
    second = [at + 0.1 for at in rounds]
    found = Comparison(readings({0: first, 1: second})).difference(1, 0)
    known = stats.ttest_rel(second, first).confidence_interval(1 - LEVEL)
    assert found.value - found.half_width == pytest.approx(known.low)


def test_one_that_came_later_is_compared_with_what_was_measured_beside_it() -> None:
    values = [Reading(0, 1, 1.00), Reading(3, 1, 1.10), Reading(0, 2, 1.01), Reading(3, 2, 1.11)]
    # All is slower by the time that 9 comes in: it is as good as 0.
    values += [Reading(n, at, v) for at in (3, 4) for n, v in ((0, 0.5), (3, 0.6), (9, 0.5))]
    comparison = Comparison(values)
    assert comparison.difference(9, 0).value == pytest.approx(0.0, abs=0.005)
    assert comparison.difference(3, 9).value == pytest.approx(0.1, abs=0.005)


def test_noise_known_from_before_makes_intervals_narrower() -> None:
    values = readings({0: [1.0, 1.02], 1: [1.1, 1.12]})
    alone = Comparison(values).difference(1, 0)
    known = Comparison(values, earlier=Noise(0.014, 6)).difference(1, 0)
    assert known.value == alone.value
    assert known.half_width < alone.half_width


def test_a_single_round_tells_nothing() -> None:
    found = Comparison(readings({0: [1.0], 1: [2.0]})).difference(1, 0)
    assert not found.is_told
    assert found.gain_ci95 is None


def test_a_difference_that_is_sure_but_small_does_not_matter() -> None:
    assert not Difference(0.008, 0.0001).is_told
    assert Difference(0.008, 0.0001).is_none
    assert Difference(0.02, 0.005).is_told


def test_looking_often_costs_no_more_than_the_whole() -> None:
    """The nominal levels of O'Brien and Fleming's spending function at five equal looks, the first
    of which is not taken: those that are printed for all five (Jennison and Turnbull, 2000)."""
    levels = [level_of_look(at, 5) for at in range(2, 6)]
    assert levels == sorted(levels)
    printed = [2 * stats.norm.sf(z) for z in (3.357, 2.680, 2.290, 2.031)]
    assert levels == pytest.approx(printed, rel=0.02)
    assert level_of_look(2, 2) == pytest.approx(LEVEL)


def test_noise_of_a_single_value_is_not_known() -> None:
    assert noise_of([1.0]) is None
    found = noise_of([1.0, 1.2])
    assert found is not None
    assert found.sd == pytest.approx(math.sqrt(0.02))
    assert found.df == 1
