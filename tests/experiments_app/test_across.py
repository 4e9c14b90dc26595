"""One score of several traffic scenarios."""

import itertools
import random

import pytest

from experiments_app import load_order, measurements, objective
from experiments_app.across import Across
from experiments_app.load_order import Level, Reading
from experiments_app.metrics import Point
from tasks_app.spec import TaskSpec
from tests.experiments_app.test_objective import point, points_of
from tests.factories import task_data

SHORT, LONG = "D(100,100)", "D(2000,100)"


def spec_with(objective_name: str = "maximize_throughput", **optimization: object) -> TaskSpec:
    benchmark = {"traffic_scenarios": [SHORT, LONG], "num_concurrency": [1]}
    asked = {"objective": objective_name, **optimization}
    return TaskSpec.from_data(task_data(benchmark=benchmark, optimization=asked))


def rates(short: float, long: float) -> list[Point]:
    return [point(SHORT, rate=short), point(LONG, rate=long)]


def test_weights_make_a_weighted_geometric_mean_of_rates() -> None:
    spec = spec_with(scenario_weights={SHORT: 3})
    assert measurements.score(spec, rates(16, 256), quality={}).score == pytest.approx(32)


def test_weights_make_a_weighted_mean_of_latencies() -> None:
    spec = spec_with("minimize_ttft", scenario_weights={SHORT: 3})
    points = [point(SHORT, ttft=0.1), point(LONG, ttft=0.5)]
    assert measurements.score(spec, points, quality={}).score == pytest.approx(0.2)


def test_the_worst_case_is_the_worst_change_and_not_the_lowest_rate() -> None:
    spec = spec_with(across_scenarios="worst_case")
    default = rates(1000, 10)
    scores = [
        measurements.score(spec, rates(*r), default, quality={}).score
        for r in ((1000, 10), (900, 40), (1100, 11))
    ]
    gains = [objective.gain("maximize_throughput", score, scores[0]) for score in scores]
    assert scores[0] == pytest.approx(100)
    assert gains == pytest.approx([0, -0.1, 0.1])


def test_the_worst_case_of_a_latency_is_its_largest_rise() -> None:
    spec = spec_with("minimize_ttft", across_scenarios="worst_case")
    default = [point(SHORT, ttft=0.1), point(LONG, ttft=0.5)]
    tried = [point(SHORT, ttft=0.2), point(LONG, ttft=0.25)]
    assert measurements.score(spec, default, default, quality={}).score == pytest.approx(0.3)
    assert measurements.score(spec, tried, default, quality={}).score == pytest.approx(0.6)


def test_an_infeasible_default_still_says_what_a_scenario_is_worth() -> None:
    default = [point(SHORT, rate=100, ttft=9.0), point(LONG, rate=10)]
    figures = objective.reference_figures("maximize_throughput", default, {"ttft_p99_s": 0.5})
    assert figures == {SHORT: 100, LONG: 10}


def test_of_a_default_with_feasible_levels_only_these_count() -> None:
    default = [point(SHORT, 1, rate=100), point(SHORT, 8, rate=500, ttft=9.0)]
    figures = objective.reference_figures("maximize_throughput", default, {"ttft_p99_s": 0.5})
    assert figures == {SHORT: 100}


def test_without_weights_the_score_is_what_it_always_was() -> None:
    points = [*rates(100, 400), point(SHORT, 8, rate=200), point(LONG, 8, rate=300)]
    expected = objective.score("maximize_throughput", points, {}, points_of(points))
    across = Across("geometric", maximise=True)
    assert expected.score == pytest.approx(across({SHORT: 200, LONG: 400}))


@pytest.mark.parametrize("name", ["maximize_throughput", "minimize_ttft"])
@pytest.mark.parametrize("worst_case", [True, False])
def test_the_bound_behind_pruning_holds_for_every_way_of_combining(
    name: str, worst_case: bool
) -> None:
    rng = random.Random(3)
    for _ in range(200):
        truth = _server(rng, name)
        reference = {SHORT: rng.uniform(1, 9), LONG: rng.uniform(1, 9)} if worst_case else None
        weights = {} if worst_case else {SHORT: rng.uniform(0.1, 9)}
        across = objective.across_for(name, weights, reference)
        score = load_order.decide(name, sorted(truth), truth, None, across).bound
        assert score is not None
        for count in (1, 2, 3, 4):
            for some in itertools.combinations(truth, count):
                known = {level: truth[level] for level in some}
                bound = load_order.decide(name, sorted(truth), known, None, across).bound
                assert bound is not None
                better = bound >= score if name.startswith("max") else bound <= score
                assert better or bound == pytest.approx(score)


def _server(rng: random.Random, name: str) -> dict[Level, Reading]:
    """Throughput rises with the load, less than the load does; latency accordingly."""
    found = {}
    for scenario in (SHORT, LONG):
        rate = rng.uniform(1, 9)
        for concurrency in (1, 2, 4):
            value = rate if name.startswith("max") else concurrency / rate
            found[Level(scenario, concurrency)] = Reading(value, feasible=True)
            rate *= rng.uniform(1, 2)
    return found
