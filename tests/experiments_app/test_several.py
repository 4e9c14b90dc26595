"""What an experiment reaches in several objectives, and the front."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_app import several
from tests.experiments_app.test_objective import point

NAMES = ("throughput", "ttft_p99")
ONE = "D(100,100)"


def test_throughput_and_latency_are_read_at_one_load() -> None:
    points = [point(concurrency=1, rate=100, ttft=0.1), point(concurrency=8, rate=600, ttft=0.4)]
    found = several.values_of(NAMES, points, {}, [ONE])
    assert found == pytest.approx({"throughput": 600, "ttft_p99": 0.4})


def test_the_load_is_the_highest_rate_that_holds_the_slo() -> None:
    points = [point(concurrency=1, rate=100, ttft=0.1), point(concurrency=8, rate=600, ttft=0.9)]
    found = several.values_of(NAMES, points, {"ttft_p99_s": 0.5}, [ONE])
    assert found == pytest.approx({"throughput": 100, "ttft_p99": 0.1})


def test_of_loads_that_are_as_fast_the_lowest_tells_the_latency() -> None:
    points = [point(concurrency=8, rate=598, ttft=0.2), point(concurrency=64, rate=600, ttft=1.6)]
    found = several.values_of(NAMES, points, {}, [ONE])
    assert found == pytest.approx({"throughput": 600, "ttft_p99": 0.2})


def test_rates_are_per_device() -> None:
    found = several.values_of(NAMES, [point(rate=600, devices=2)], {}, [ONE])
    assert found["throughput"] == pytest.approx(300)


def test_scenarios_are_combined_by_geometric_means_which_weights_shift() -> None:
    points = [point("D(1,2)", rate=16, ttft=0.1), point("D(9,9)", rate=256, ttft=1.6)]
    equal = several.values_of(NAMES, points, {}, ["D(1,2)", "D(9,9)"])
    assert equal == pytest.approx({"throughput": 64, "ttft_p99": 0.4})
    shifted = several.values_of(NAMES, points, {}, ["D(1,2)", "D(9,9)"], weights={"D(1,2)": 3})
    assert shifted == pytest.approx({"throughput": 32, "ttft_p99": 0.2})


def test_the_worst_case_is_told_relative_to_the_reference() -> None:
    default = [point("D(1,2)", rate=16, ttft=0.1), point("D(9,9)", rate=256, ttft=1.6)]
    tried = [point("D(1,2)", rate=32, ttft=0.2), point("D(9,9)", rate=128, ttft=0.8)]
    reference = several.figures(NAMES, default, {})
    found = several.values_of(NAMES, tried, {}, ["D(1,2)", "D(9,9)"], reference=reference)
    assert found == pytest.approx({"throughput": 32, "ttft_p99": 0.8})


def test_what_was_not_measured_in_a_scenario_has_no_value() -> None:
    assert several.values_of(NAMES, [point()], {}, [ONE, "D(9,9)"]) == {}
    one_token = point()
    one_token = type(one_token)(**{**vars(one_token), "samples": type(one_token.samples)()})
    found = several.values_of(("throughput", "tpot_mean"), [one_token], {}, [ONE])
    assert found == pytest.approx({"throughput": 100})


def scores(*vectors: tuple[float, float]) -> dict[int, dict[str, float]]:
    return {n: dict(zip(NAMES, vector, strict=True)) for n, vector in enumerate(vectors)}


def test_the_front_holds_what_nothing_beats_the_fastest_first() -> None:
    found = scores((100, 0.1), (300, 0.5), (200, 0.2), (150, 0.3), (100, 0.2))
    assert several.front(found, NAMES) == (1, 2, 0)


def test_equals_are_all_on_the_front_the_lower_number_first() -> None:
    assert several.front(scores((100, 0.1), (90, 0.2), (100, 0.1)), NAMES) == (0, 2)


def test_a_tie_in_one_objective_is_decided_by_the_other() -> None:
    assert several.front(scores((100, 0.2), (100, 0.1)), NAMES) == (1,)


def test_what_lacks_a_value_is_not_on_the_front() -> None:
    found = {0: {"throughput": 900.0}, 1: {}, 2: {"throughput": 1.0, "ttft_p99": 1.0}}
    assert several.front(found, NAMES) == (2,)
    assert several.front({}, NAMES) == ()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), max_size=14))
def test_everything_off_the_front_is_beaten_by_something_on_it(
    vectors: list[tuple[int, int, int]],
) -> None:
    names = ("throughput", "ttft_p99", "tpot_mean")
    found = {
        n: {name: float(v) for name, v in zip(names, vector, strict=True)}
        for n, vector in enumerate(vectors)
    }
    kept = set(several.front(found, names))
    assert bool(kept) == bool(vectors)
    for number, (rate, *latencies) in enumerate(vectors):
        beaten = any(
            other != (rate, *latencies)
            and other[0] >= rate
            and all(a <= b for a, b in zip(other[1:], latencies, strict=True))
            for other in vectors
        )
        assert (number in kept) is not beaten
