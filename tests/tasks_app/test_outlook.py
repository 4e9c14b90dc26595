"""The chance that more experiments gain more."""

import pytest

from tasks_app.domains import Choices
from tasks_app.space import SearchSpace
from tasks_app.strategies import Trial
from tasks_app.strategies.outlook import chance_of_gain

SPACE = SearchSpace({"a": Choices(tuple(range(1, 11))), "b": Choices((1, 2, 4, 8))})


def score(a: int, b: int) -> float:
    return 100.0 + 8 * a + 5 * b


def history(*cells: tuple[int, int], sign: int = 1) -> list[Trial]:
    return [
        Trial({"a": a, "b": b}, "success", feasible=True, score=score(a, b) ** sign)
        for a, b in cells
    ]


def chance(trials: list[Trial], more: int = 5, **changes: object) -> float | None:
    asked = {"gain": 0.02, "more": more, "maximise": True, "guided": True} | changes
    return chance_of_gain(SPACE, trials, **asked)  # type: ignore[arg-type]


RISING = [(1, 1), (3, 2), (5, 2), (2, 8), (6, 4)]
SPENT = [*RISING, (10, 8), (10, 4), (9, 8), (10, 2), (8, 8), (9, 4), (4, 8), (10, 1), (7, 8)]


def test_it_is_high_while_the_way_leads_up_and_low_at_the_top() -> None:
    rising, spent = chance(history(*RISING)), chance(history(*SPENT))
    assert rising is not None
    assert spent is not None
    assert rising > 0.7
    assert spent < 0.1


def test_less_is_better_where_a_score_is_a_latency() -> None:
    at_top = history(*SPENT, sign=-1)
    assert (chance(at_top, maximise=False) or 0) < 0.1
    assert (chance(history(*RISING, sign=-1), maximise=False) or 0) > 0.7


def test_a_larger_gain_is_never_likelier_and_more_experiments_never_gain_less() -> None:
    trials = history(*RISING[:4])
    by_gain = [chance(trials, gain=gain) or 0 for gain in (0.02, 0.1, 0.3, 1.0)]
    assert by_gain == sorted(by_gain, reverse=True)
    by_more = [chance(trials, more=more) or 0 for more in (1, 4, 16)]
    assert by_more[0] <= by_more[1] + 0.03
    assert by_more[1] <= by_more[2] + 0.03


def test_a_better_baseline_leaves_less_to_gain() -> None:
    trials = history(*RISING)
    assert (chance(trials, to_beat=400.0) or 0) < (chance(trials) or 0)


def test_what_crashes_gains_nothing() -> None:
    crashed = [Trial({"a": a, "b": b}, "failed") for a in (7, 8, 9, 10) for b in (1, 2, 4, 8)]
    works, fails = history(*RISING), [*history(*RISING), *crashed]
    assert (chance(fails) or 0) < (chance(works) or 0)


def test_a_search_by_chance_gains_no_more_than_a_guided_one() -> None:
    trials = history(*RISING)
    assert (chance(trials, more=2, guided=False) or 0) < (chance(trials, more=2) or 0)


def test_nothing_is_gained_where_nothing_is_left() -> None:
    everything = history(*((a, b) for a in range(1, 11) for b in (1, 2, 4, 8)))
    assert chance(everything) == 0.0


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_results_tell_nothing(count: int) -> None:
    assert chance(history(*RISING[:count])) is None


def test_the_same_history_gives_the_same_chance() -> None:
    assert chance(history(*RISING), seed=3) == chance(history(*RISING), seed=3)
