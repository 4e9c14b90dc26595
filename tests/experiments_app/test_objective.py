import math

import pytest

from experiments_app import objective
from experiments_app.metrics import Level, Point, Samples, meets, pool


def samples(ttft: float = 0.1, tpot: float = 0.01, e2e: float = 1.0, count: int = 10) -> Samples:
    return Samples((ttft,) * count, (tpot,) * count, (e2e,) * count, (100,) * count, (100,) * count)


def point(
    scenario: str = "D(100,100)",
    concurrency: int = 1,
    rate: float = 100.0,
    errors: int = 0,
    devices: int = 1,
    goodput: float = 1.0,
    ttft: float = 0.1,
    tpot: float = 0.01,
    e2e: float = 1.0,
) -> Point:
    times = samples(ttft, tpot, e2e)
    return Point(scenario, concurrency, 10 + errors, errors, rate, goodput, times, devices)


def points_of(points: list[Point]) -> list[tuple[str, int]]:
    return [(p.scenario, p.concurrency) for p in points]


def score(name: str, points: list[Point], slo: dict[str, float] | None = None) -> objective.Score:
    return objective.score(name, points, slo or {}, points_of(points))


def test_throughput_is_the_best_feasible_level_per_device() -> None:
    points = [point(concurrency=1, rate=100), point(concurrency=8, rate=600, devices=2)]
    assert score("maximize_throughput", points).score == pytest.approx(300)


def test_throughput_over_scenarios_is_their_geometric_mean() -> None:
    points = [point("D(1,2)", rate=100), point("D(9,9)", rate=400)]
    assert score("maximize_throughput", points).score == pytest.approx(200)


def test_a_level_that_breaks_an_slo_does_not_count() -> None:
    points = [point(concurrency=1, rate=100), point(concurrency=8, rate=600, ttft=0.9)]
    assert score("maximize_throughput", points, {"ttft_p99_s": 0.5}).score == pytest.approx(100)


def test_a_scenario_without_a_feasible_level_makes_it_infeasible() -> None:
    points = [point("D(1,2)"), point("D(9,9)", ttft=0.6), point("D(9,9)", 8, ttft=1.0)]
    result = score("maximize_throughput", points, {"ttft_p99_s": 0.5})
    assert result.score is None
    assert result.slo_excess == pytest.approx(0.2)
    assert result.miss is not None
    assert (result.miss.scenario, result.miss.concurrency) == ("D(9,9)", 1)


def test_errors_above_the_default_rate_make_a_level_infeasible() -> None:
    assert not score("maximize_throughput", [point(errors=1)]).feasible
    assert score("maximize_throughput", [point(errors=1)], {"error_rate": 0.2}).feasible


def test_an_slo_that_is_just_met_is_met_and_just_missed_has_no_jump() -> None:
    slo = {"ttft_p99_s": 0.5}
    assert score("maximize_throughput", [point(ttft=0.5)], slo).feasible
    missed = score("maximize_throughput", [point(ttft=0.5001)], slo)
    assert missed.slo_excess == pytest.approx(0.0002, rel=0.01)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("minimize_latency", 1.5), ("minimize_ttft", 0.15), ("minimize_tpot", 0.015)],
)
def test_a_latency_is_the_mean_over_all_points(name: str, expected: float) -> None:
    points = [point(), point(concurrency=8, ttft=0.2, tpot=0.02, e2e=2.0)]
    assert score(name, points).score == pytest.approx(expected)


def test_a_latency_needs_every_point() -> None:
    result = objective.score(
        "minimize_latency", [point()], {}, [("D(100,100)", 1), ("D(100,100)", 8)]
    )
    assert result.score is None


def test_a_latency_is_infeasible_when_one_point_breaks_an_slo() -> None:
    points = [point(), point(concurrency=8, e2e=9.0)]
    result = score("minimize_latency", points, {"e2e_mean_s": 6.0})
    assert result.score is None
    assert result.slo_excess == pytest.approx(0.5)


def test_nothing_answered_is_infeasible_without_an_excess_to_rank_by() -> None:
    dead = Point("D(100,100)", 1, 5, 5, 0.0, 0.0, Samples())
    result = score("maximize_throughput", [dead], {"ttft_p99_s": 0.5})
    assert result.score is None
    assert result.slo_excess is None


def test_goodput_is_the_rate_of_good_requests_per_device() -> None:
    points = [point(goodput=4.0, devices=2)]
    assert score("maximize_goodput", points).score == pytest.approx(2.0)


def test_goodput_without_a_good_request_is_zero_and_no_base_for_a_gain() -> None:
    zero = score("maximize_goodput", [point("D(1,2)", goodput=0.0), point("D(9,9)")])
    assert (zero.score, zero.feasible) == (0.0, True)
    assert objective.gain("maximize_goodput", 2.0, zero.score) is None


def test_a_request_is_good_only_when_it_meets_every_bound_itself() -> None:
    slo = {"ttft_p99_s": 0.5, "tpot_mean_s": 0.02, "error_rate": 0.1}
    assert meets(slo, 0.5, 0.02, 99.0)
    assert not meets(slo, 0.51, 0.01, 1.0)
    assert not meets(slo, 0.1, 0.03, 1.0)
    assert meets(slo, 0.1, None, 1.0)


def test_repeats_are_pooled_by_request_and_rates_averaged() -> None:
    def level(rate: float, ttft: float, count: int) -> Level:
        return Level(
            "D(1,2)", 1, count, 0, 1.0, rate, rate, rate, rate, samples(ttft=ttft, count=count)
        )

    (pooled,) = pool([level(100, 0.1, 10), level(300, 0.4, 30)])
    assert pooled.output_tokens_per_s == pytest.approx(200)
    assert pooled.num_requests == 40
    assert pooled.latencies["ttft_mean_s"] == pytest.approx((10 * 0.1 + 30 * 0.4) / 40)
    assert pooled.latencies["ttft_p50_s"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("name", "best", "baseline", "expected"),
    [
        ("maximize_throughput", 131.0, 100.0, 0.31),
        ("minimize_ttft", 0.5, 1.0, 1.0),
        ("maximize_throughput", 100.0, None, None),
        ("maximize_throughput", None, 100.0, None),
    ],
)
def test_gain_is_positive_for_better(
    name: str, best: float | None, baseline: float | None, expected: float | None
) -> None:
    assert objective.gain(name, best, baseline) == (
        None if expected is None else pytest.approx(expected)
    )


def test_a_miss_is_told_in_words() -> None:
    miss = objective.Miss("ttft_p99_s", "D(1,2)", 8, 0.6, 0.5, 0.2)
    assert objective.describe_miss(miss) == (
        "TTFT p99 is 0.6 s at D(1,2) at concurrency 8: 20% over the bound of 0.5 s"
    )
    assert math.isclose(miss.excess, 0.2)
