"""The search for the load, on made-up servers whose true answer is known."""

import math
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from experiments_app.load_order import Level, Reading
from experiments_app.load_search import (
    LEAST_RISE,
    RESOLUTION,
    Found,
    Limits,
    Verdict,
    found,
    next_concurrency,
    scenario_bound,
)

Server = Callable[[int], Reading]


def server(*, carries: int, knee: int = 10**6) -> Server:
    """Holds the SLO up to `carries` requests at once; its throughput bends at about `knee`."""

    def measure(concurrency: int) -> Reading:
        rate = 1000 * concurrency / (concurrency + knee)
        return Reading(rate, feasible=concurrency <= carries)

    return measure


def search(
    measure: Server, limits: Limits, first: int = 8, most: int = 1000
) -> tuple[Found, dict[int, Reading]]:
    readings: dict[int, Reading] = {}
    while len(readings) < most:
        concurrency = next_concurrency(readings, limits, first)
        if concurrency is None:
            break
        assert concurrency not in readings, "measured twice"
        assert limits.lowest <= concurrency <= limits.highest
        readings[concurrency] = measure(concurrency)
    return found(readings, limits, first), readings


highest_loads = st.integers(1, 4096)


@settings(max_examples=400, deadline=None)
@given(highest=highest_loads, carries=st.integers(0, 5000), first=st.integers(1, 5000))
def test_it_finds_the_highest_load_that_holds_the_slo(
    highest: int, carries: int, first: int
) -> None:
    answer, readings = search(server(carries=carries), Limits(highest), first)
    truth = min(carries, highest)
    if truth == 0:
        assert answer == Found(Verdict.INFEASIBLE, None, None, 1)
    else:
        assert answer.concurrency is not None
        assert answer.concurrency <= truth
        assert truth - answer.concurrency <= max(0, RESOLUTION * answer.concurrency)
        held_all = carries >= highest
        assert answer.verdict == (Verdict.NOT_SATURATED if held_all else Verdict.SATURATED)
        assert (answer.concurrency == highest) or not held_all
    assert len(readings) <= math.log2(highest) + 6


@settings(max_examples=200, deadline=None)
@given(highest=highest_loads, knee=st.integers(1, 2000), first=st.integers(1, 5000))
def test_without_a_latency_bound_it_finds_the_load_that_gives_the_throughput(
    highest: int, knee: int, first: int
) -> None:
    measure = server(carries=10**6, knee=knee)
    answer, readings = search(measure, Limits(highest, by_rate=True), first)
    assert answer.rate is not None
    assert answer.concurrency is not None
    best = measure(highest).value or 0.0
    # A doubling that brings no more than 5 % leaves no more than another 5 % to all further ones,
    # and the load named gives all but 5 % of what was seen.
    assert answer.rate >= best / (1 + LEAST_RISE) ** 2 / (1 + LEAST_RISE)
    if answer.verdict == Verdict.NOT_SATURATED:
        assert max(readings) == highest
    assert len(readings) <= 2 * math.log2(max(highest, 2)) + 3


@settings(max_examples=200, deadline=None)
@given(
    outcomes=st.lists(st.booleans(), min_size=64, max_size=64),
    rates=st.lists(st.floats(0, 1000), min_size=64, max_size=64),
    first=st.integers(1, 64),
    by_rate=st.booleans(),
)
def test_it_ends_whatever_the_server_does(
    outcomes: list[bool], rates: list[float], first: int, by_rate: bool
) -> None:
    def measure(concurrency: int) -> Reading:
        return Reading(rates[concurrency - 1], feasible=outcomes[concurrency - 1])

    answer, readings = search(measure, Limits(64, by_rate=by_rate), first)
    assert len(readings) <= 20
    if answer.concurrency is not None:
        assert readings[answer.concurrency].feasible


@settings(max_examples=200, deadline=None)
@given(
    carries=st.integers(1, 300),
    knee=st.integers(1, 300),
    first=st.integers(1, 300),
    by_rate=st.booleans(),
)
def test_the_bound_is_never_below_what_is_found(
    carries: int, knee: int, first: int, *, by_rate: bool
) -> None:
    measure, limits = server(carries=carries, knee=knee), Limits(256, by_rate=by_rate)
    best = measure(min(carries, 256)).value or 0.0
    readings: dict[int, Reading] = {}
    while (concurrency := next_concurrency(readings, limits, first)) is not None:
        readings[concurrency] = measure(concurrency)
        of_scenario = {Level("D(1,1)", c): reading for c, reading in readings.items()}
        bound = scenario_bound("D(1,1)", of_scenario, limits, rising=True)
        assert bound is not None
        assert bound >= best * (1 - 1e-9)


def test_nothing_is_known_before_the_first_level() -> None:
    assert scenario_bound("D(1,1)", {}, Limits(256), rising=True) == math.inf


def test_a_scenario_that_breaks_at_the_lowest_load_has_no_bound() -> None:
    readings = {Level("D(1,1)", 1): Reading(50.0, feasible=False)}
    assert scenario_bound("D(1,1)", readings, Limits(256), rising=True) is None


def test_it_starts_where_earlier_experiments_ended() -> None:
    _, told = search(server(carries=100), Limits(256), first=96)
    _, untold = search(server(carries=100), Limits(256))
    assert next(iter(told)) == 96
    assert len(told) < len(untold)


def test_it_says_when_the_time_ran_out() -> None:
    answer, _ = search(server(carries=100), Limits(256), most=3)
    assert (answer.verdict, answer.concurrency) == (Verdict.BUDGET_SPENT, 32)


def test_a_load_under_which_nothing_is_answered_is_too_much() -> None:
    def measure(concurrency: int) -> Reading:
        return Reading(None if concurrency > 20 else 5.0 * concurrency, concurrency <= 20)

    answer, _ = search(measure, Limits(256))
    assert (answer.verdict, answer.concurrency, answer.broken_at) == (Verdict.SATURATED, 20, 21)
