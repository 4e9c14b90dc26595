"""One interval over all the times that an experiment was measured."""

import math

import numpy as np
import pytest
from django.test import Client

from experiments_app.over_repeats import over_repeats, repeated_levels
from experiments_app.results import RunResults
from tests.factories import completed_task
from tests.finals import confirmed_task, measured_again
from tests.pages import text_of


def test_the_interval_is_students_of_the_logarithms() -> None:
    found = over_repeats((90.0, 100.0, 110.0))
    assert found is not None
    assert found.mean == pytest.approx((90 * 100 * 110) ** (1 / 3))
    logarithms = np.log((90.0, 100.0, 110.0))
    half = 4.302653 * np.std(logarithms, ddof=1) / math.sqrt(3)  # t with 2 degrees of freedom
    assert found.ci95 == pytest.approx((found.mean / np.exp(half), found.mean * np.exp(half)))


def test_it_holds_the_true_figure_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for values in 50 * np.exp(rng.normal(0, 0.05, (2000, 3))):
        found = over_repeats(list(values))
        held += found is not None and found.ci95[0] <= 50 <= found.ci95[1]
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("values", [(), (5.0,), (5.0, 0.0)])
def test_there_is_none_of_less_than_two_figures(values: tuple[float, ...]) -> None:
    assert over_repeats(values) is None


@pytest.mark.django_db
def test_what_chose_a_leader_is_left_out() -> None:
    task = confirmed_task()
    winner = task.experiments.get(number=3, repeat=1)
    levels = repeated_levels(winner.measurements.all())
    assert {level.repeats for level in levels} == {(2, 3, 4)}
    # As `measured_again` has it: 82, 83 and 84 tokens/s.
    best = max(level.figures["output_tokens_per_s"].mean for level in levels)
    assert best == pytest.approx((82 * 83 * 84) ** (1 / 3))


@pytest.mark.django_db
def test_without_a_final_every_time_is_in() -> None:
    task = completed_task((50.0, 60.0))
    measured_again(task, 0, repeat=2, purpose="drift")
    default = task.experiments.get(number=0, repeat=1)
    default.measurements.filter(repeat=2).update(counts=False)
    assert {level.repeats for level in repeated_levels(default.measurements.all())} == {(1, 2)}


@pytest.mark.django_db
def test_pages_and_exports_have_it(browser: Client) -> None:
    task = confirmed_task()
    data = RunResults(task).to_data()["experiments"]
    assert [len(one["over_repeats"]) > 0 for one in data] == [True, False, False, True, True, False]
    assert data[3]["over_repeats"][0]["repeats"] == [2, 3, 4]
    winner = task.experiments.get(number=3, repeat=1)
    assert "Over all of them" in text_of(browser.get(f"/experiments/{winner.pk}/"))
    other = task.experiments.get(number=5, repeat=1)
    assert "Over all of them" not in text_of(browser.get(f"/experiments/{other.pk}/"))
