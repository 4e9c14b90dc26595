"""What is called steady, trending, warming up, or too short to tell."""

from collections import Counter
from collections.abc import Callable

import pytest

from experiments_app.confidence.level import conditions_of
from experiments_app.confidence.steady_state import Verdict, judge
from tests.experiments_app.confidence.loops import closed_loop


def verdicts(
    count: int, *, spread: float, pace: Callable[[float], float] = lambda _done: 1.0
) -> Counter[str]:
    levels = (closed_loop(100, 4, seed=seed, spread=spread, pace=pace) for seed in range(count))
    return Counter(conditions_of(level, {})["steadiness"]["verdict"] for level in levels)


def test_a_steady_level_is_hardly_ever_called_otherwise() -> None:
    assert verdicts(60, spread=0.1)["steady"] >= 57


def test_a_level_that_gets_slower_is_trending() -> None:
    assert verdicts(20, spread=0.05, pace=lambda done: 1 + 0.2 * done)["trending"] >= 19


def test_it_says_which_figure_changed_and_by_how_much() -> None:
    found = judge({"ttft": [1.0] * 10, "e2e": [1.0 + 0.02 * n for n in range(10)]})
    assert (found.verdict, found.figure) == (Verdict.TRENDING, "e2e")
    assert found.change == pytest.approx(0.18)


def test_a_first_fifth_that_was_slower_is_a_warm_up_that_had_not_ended() -> None:
    found = verdicts(20, spread=0.05, pace=lambda done: 1.3 if done < 0.2 else 1.0)
    assert found["warming_up"] + found["trending"] >= 19
    assert found["warming_up"] > found["trending"]


def test_a_change_too_small_to_matter_is_steady() -> None:
    assert judge({"e2e": [1.0 + 0.002 * n for n in range(20)]}).verdict == Verdict.STEADY


def test_a_few_waves_are_too_short_to_tell() -> None:
    assert conditions_of(closed_loop(32, 8), {})["steadiness"]["verdict"] == "too_short"


def test_the_first_wave_is_compared_with_the_others() -> None:
    result = closed_loop(100, 4, pace=lambda done: 2.0 if done < 0.04 else 1.0)
    ramp_up = conditions_of(result, {})["ramp_up"]
    assert ramp_up["requests"] == 4
    assert ramp_up["ttft_ratio"] == pytest.approx(2.0)
    assert conditions_of(closed_loop(8, 4), {})["ramp_up"] == {}


def test_a_level_of_one_wave_with_errors_still_has_what_can_be_said() -> None:
    found = conditions_of(closed_loop(8, 8, errors=2), {"ttft_p99_s": 0.2})
    assert found["steadiness"]["verdict"] == "too_short"
    assert "ttft_mean_s" not in found["intervals"]
    assert found["intervals"]["ttft_p99_s"][1] is None
    lower, upper = found["intervals"]["error_rate"]
    assert lower < 0.25 < upper
