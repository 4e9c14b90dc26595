"""What is measured next, on made-up servers: no database, no engine."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments_app.level_choice import GivenLevels, LevelChoice, SearchedLevels
from experiments_app.load_order import Decision, Level, Reading
from experiments_app.load_search import Limits, Verdict
from experiments_app.objective import across_for

Server = Callable[[Level], Reading]
SHORT, LONG = "D(100,10)", "D(1000,10)"
LEVELS = tuple(Level(SHORT, concurrency) for concurrency in (1, 4, 16))


def given_levels(levels: Sequence[Level] = LEVELS, aim: str = "maximize_throughput") -> GivenLevels:
    return GivenLevels(aim, levels, across_for(aim))


def searched(scenarios: Sequence[str] = (SHORT,), highest: int = 256) -> SearchedLevels:
    aim = "maximize_throughput"
    return SearchedLevels(aim, scenarios, Limits(highest), across_for(aim))


def server(rate: float, carries: int = 10**6) -> Server:
    def measure(level: Level) -> Reading:
        throughput = rate * level.concurrency / (level.concurrency + 8)
        return Reading(throughput, feasible=level.concurrency <= carries)

    return measure


def run(
    choice: LevelChoice,
    measure: Server,
    to_beat: float | None = None,
    fits: Callable[[Level], bool] = lambda _level: True,
) -> tuple[dict[Level, Reading], Decision]:
    readings: dict[Level, Reading] = {}
    while True:
        decision = choice.decide(readings, to_beat, fits)
        if decision.level is None:
            return readings, decision
        assert decision.level not in readings
        readings[decision.level] = measure(decision.level)


def test_the_task_s_order_is_kept_where_nothing_is_pruned() -> None:
    levels = [Level(SHORT, 16), Level(LONG, 1), Level(SHORT, 1)]
    readings, decision = run(given_levels(levels), server(100))
    assert list(readings) == levels
    assert not decision.pruned


def test_more_load_than_one_that_nothing_survived_is_not_tried() -> None:
    def measure(level: Level) -> Reading:
        return Reading(None if level.concurrency == 4 else 10.0, level.concurrency != 4)

    readings, _ = run(given_levels([*LEVELS, Level(LONG, 16)]), measure)
    assert list(readings) == [Level(SHORT, 1), Level(SHORT, 4), Level(LONG, 16)]


def test_what_may_win_is_measured_everywhere() -> None:
    readings, decision = run(given_levels(), server(100), to_beat=30)
    assert set(readings) == set(LEVELS)
    assert next(iter(readings)) == Level(SHORT, 16)
    assert not decision.pruned


def test_a_loser_whose_score_is_known_is_measured_no_further_and_not_pruned() -> None:
    readings, decision = run(given_levels(), server(100), to_beat=90)
    assert list(readings) == [Level(SHORT, 16)]
    assert (decision.level, decision.pruned) == (None, False)


def test_a_loser_that_breaks_the_slo_is_pruned_with_its_bound() -> None:
    readings, decision = run(given_levels(), server(100, carries=3), to_beat=90)
    assert list(readings) == [Level(SHORT, 16)]
    assert (decision.level, decision.pruned) == (None, True)
    assert decision.bound == pytest.approx(readings[Level(SHORT, 16)].value)


def test_a_search_that_cannot_win_at_any_load_is_pruned() -> None:
    readings, decision = run(searched(), server(100, carries=7), to_beat=51)
    assert list(readings) == [Level(SHORT, 8)]
    assert (decision.level, decision.pruned) == (None, True)
    assert decision.bound == pytest.approx(50.0)


def test_a_search_goes_on_while_more_load_may_win() -> None:
    _, decision = run(searched(), server(100), to_beat=51)
    assert not decision.pruned


def test_a_search_takes_one_scenario_after_the_other() -> None:
    choice = searched((SHORT, LONG), highest=16)
    readings, _ = run(choice, server(100, carries=9))
    scenarios = [level.scenario for level in readings]
    assert scenarios == sorted(scenarios, key=[SHORT, LONG].index)
    found = choice.found(readings)
    assert {one.verdict for one in found.values()} == {Verdict.SATURATED}
    assert [found[scenario].concurrency for scenario in (SHORT, LONG)] == [9, 9]


def test_a_scenario_without_the_time_for_another_level_leaves_the_rest_to_the_next() -> None:
    choice = searched((SHORT, LONG), highest=16)
    readings, _ = run(choice, server(100, carries=9), fits=lambda level: level.scenario == LONG
                      or level.concurrency == 8)  # fmt: skip
    found = choice.found(readings)
    assert (found[SHORT].verdict, found[SHORT].concurrency) == (Verdict.BUDGET_SPENT, 8)
    assert found[LONG].verdict == Verdict.SATURATED


@settings(max_examples=200, deadline=None)
@given(
    rate=st.floats(1, 1000),
    carries=st.integers(0, 300),
    to_beat=st.floats(1, 1000),
    is_search=st.booleans(),
)
def test_what_is_better_is_never_pruned(
    rate: float, carries: int, to_beat: float, *, is_search: bool
) -> None:
    measure = server(rate, carries)
    choice: LevelChoice = searched() if is_search else given_levels()
    everywhere = [Level(SHORT, c) for c in range(1, 257)] if is_search else LEVELS
    feasible = [r.value or 0 for level in everywhere if (r := measure(level)).feasible]
    _, decision = run(choice, measure, to_beat)
    if feasible and max(feasible) > to_beat * (1 + 1e-9):
        assert not decision.pruned
