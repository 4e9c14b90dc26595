"""What output tokens cost, as figure, objective and bound; and energy, which is scored alike."""

from dataclasses import replace
from typing import Any

import pytest

from experiments_app import load_levels, measurements, objective, several, site_settings
from experiments_app.launch_plan import launch_problems
from experiments_app.metrics import Level, Point, Samples, pool
from experiments_app.misses import stored_points
from experiments_app.models import Measurement
from experiments_app.pricing import Price, cost_of, price_of
from tasks_app.problems import SpecError
from tasks_app.spec import TaskSpec
from tests.experiments_app.specs import saved_task, task_data

ONE, TWO = "D(16,8)", "D(9,9)"


def spec_of(**changes: Any) -> TaskSpec:
    return TaskSpec.from_data(task_data(**changes))


def point(
    concurrency: int, cost: float | None, joules: float | None = None, scenario: str = ONE
) -> Point:
    rate = 1000 / cost if cost else 100.0
    made = Point(scenario, concurrency, 4, 0, rate, 1.0, Samples())
    return replace(made, cost_per_million_tokens=cost, joules_per_token=joules)


def score(name: str, *points: Point, slo: dict[str, float] | None = None) -> objective.Score:
    wanted = [(p.scenario, p.concurrency) for p in points]
    return objective.score(f"minimize_{name}", points, slo or {}, wanted)


def test_the_cost_of_a_million_tokens_is_that_of_all_devices_for_the_time_they_take() -> None:
    # 250 tokens/s: 4,000 s for a million, of two devices 2.22 device hours at 3.60.
    assert cost_of(Price(3.6, "EUR"), 250.0, 2) == pytest.approx(8.0)
    assert cost_of(None, 250.0, 2) is None
    assert cost_of(Price(3.6, "EUR"), 0.0, 2) is None


@pytest.mark.django_db
def test_the_price_is_the_tasks_own_or_else_the_sites() -> None:
    assert price_of(spec_of()) is None
    site_settings.store("PRICE_PER_DEVICE_HOUR", "2.5")
    site_settings.store("CURRENCY", "CHF")
    assert price_of(spec_of()) == Price(2.5, "CHF")
    own = spec_of(cost={"price_per_device_hour": 4.0, "currency": "EUR"})
    assert price_of(own) == Price(4.0, "EUR")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"optimization": {"objective": "minimize_cost"}}, ["optimization.objective"]),
        (
            {"optimization": {"objectives": ["throughput", "cost"]}},
            ["optimization.objectives"],
        ),
        ({"slo": {"cost_per_million_tokens": 2.0}}, ["slo.cost_per_million_tokens"]),
    ],
)
def test_what_needs_a_price_is_refused_without_one(changes: Any, places: list[str]) -> None:
    assert [problem.path for problem in launch_problems(spec_of(**changes))] == places
    priced = spec_of(cost={"price_per_device_hour": 1.0}, **changes)
    assert launch_problems(priced) == []


@pytest.mark.django_db
def test_energy_is_refused_on_cpus_that_do_not_tell_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = spec_of(optimization={"objective": "minimize_energy"})
    monkeypatch.setattr("experiments_app.pricing.CpuCounter", lambda: lambda: None)
    (problem,) = launch_problems(spec)
    assert problem.path == "optimization.objective"
    monkeypatch.setattr("experiments_app.pricing.CpuCounter", lambda: lambda: 0.0)
    assert launch_problems(spec) == []


def test_the_score_is_the_lowest_cost_at_a_feasible_point() -> None:
    assert score("cost", point(1, 8.0), point(4, 2.0)).score == pytest.approx(2)
    over = {"joules_per_token": 5.0}
    assert score("cost", point(1, 8.0, 1.0), point(4, 2.0, 9.0), slo=over).score == pytest.approx(8)
    assert score("energy", point(1, 8.0, 1.5), point(4, 2.0, 9.0)).score == pytest.approx(1.5)


def test_over_scenarios_it_is_the_geometric_mean() -> None:
    assert score("cost", point(1, 2.0), point(1, 8.0, scenario=TWO)).score == pytest.approx(4.0)


def test_a_bound_on_the_cost_makes_what_costs_more_infeasible() -> None:
    found = score("cost", point(1, 8.0), point(4, 5.0), slo={"cost_per_million_tokens": 4.0})
    assert found.score is None
    assert found.slo_excess == pytest.approx(0.25)
    assert found.miss is not None
    assert objective.describe_miss(found.miss) == (
        "cost per million output tokens is 5 at D(16,8) at concurrency 4: 25% over the bound of 4"
    )


@pytest.mark.parametrize(("name", "needs"), [("cost", "price"), ("energy", "power")])
def test_without_the_figure_nothing_is_feasible_and_it_says_why(name: str, needs: str) -> None:
    found = score(name, point(1, None), point(4, None))
    assert found.score is None
    assert found.miss is not None
    assert needs in objective.describe_miss(found.miss)
    limited = score("cost", point(1, 2.0), slo={"joules_per_token": 1.0})
    assert not limited.feasible


def test_a_gain_in_cost_is_that_in_tokens_for_the_money() -> None:
    assert objective.gain("minimize_cost", 2.0, 3.0) == pytest.approx(0.5)


def test_both_are_read_at_the_operating_point_of_several_objectives() -> None:
    points = [point(1, 8.0, 1.0), point(4, 2.0, 3.0)]
    found = several.values_of(("throughput", "cost", "energy"), points, {}, [ONE])
    assert found == pytest.approx({"throughput": 500.0, "cost": 2.0, "energy": 3.0})
    assert several.front({0: {"cost": 2.0}, 1: {"cost": 1.0}}, ["cost"]) == (1,)


def test_repeats_count_by_their_tokens() -> None:
    level = Level(ONE, 4, 4, 0, 1.0, 100.0, 100.0, 1.0, 1.0, Samples(), joules_per_token=1.0)
    other = replace(level, output_tokens_per_s=300.0, joules_per_token=3.0)
    (pooled,) = pool([level, other])
    assert pooled.joules_per_token == pytest.approx(2.5)
    rows = [
        Measurement(scenario=ONE, concurrency=4, num_requests=4, output_tokens_per_s=rate,
                    good_requests_per_s=1.0, joules_per_token=joules)
        for rate, joules in ((100.0, 1.0), (300.0, 3.0))
    ]  # fmt: skip
    assert stored_points(rows)[0].joules_per_token == pytest.approx(2.5)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["minimize_cost", "minimize_energy"])
def test_nothing_is_pruned_by_bounds_that_do_not_hold_for_them(name: str) -> None:
    optimization = {"objective": name, "strategy": "auto", "prune": True}
    task = saved_task(optimization=optimization, cost={"price_per_device_hour": 1.0})
    assert not task.spec.optimization.prunes
    experiment = task.experiments.create(run=1, number=1)
    assert load_levels.rival_of(experiment, task.spec) is None
    assert not measurements.across(task.spec, []).maximise


@pytest.mark.parametrize(("bound", "right"), [(0.5, True), (0, False), (-1, False), ("x", False)])
def test_a_bound_is_a_number_above_zero(bound: Any, right: bool) -> None:
    if right:
        assert spec_of(slo={"joules_per_token": bound}).slo == {"joules_per_token": bound}
    else:
        with pytest.raises(SpecError):
            spec_of(slo={"joules_per_token": bound})
