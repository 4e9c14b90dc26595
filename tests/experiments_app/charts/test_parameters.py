"""Parameters, their values, and what they explain: without a database."""

import pytest

from experiments_app.charts.kinds import Kind
from experiments_app.charts.parameters import (
    OTHERS,
    Parameter,
    Trial,
    explained,
    some_of,
)
from experiments_app.charts.thinning import chunks, evenly
from tasks_app.expressions import Scalar


def trial(number: int, score: float, **values: Scalar) -> Trial:
    return Trial(
        number, score, Kind.MEASURED, f"Experiment {number}", f"/experiments/{number}/", values
    )


def test_it_places_values_side_by_side_in_equal_steps() -> None:
    parameter = Parameter("threads", (1, 2, 64))
    assert [parameter.position(value) for value in parameter.values] == [0.0, 0.5, 1.0]


def test_it_places_values_along_a_scale_by_size() -> None:
    assert Parameter("spill", (0.0, 2.0, 10.0), is_scale=True).position(5.0) == 0.5
    log = Parameter("batch", (1, 10, 100), is_scale=True, is_log=True)
    assert log.position(10) == pytest.approx(0.5)
    assert log.value_at(0.5) == pytest.approx(10)


def test_it_groups_a_scale_into_ranges() -> None:
    parameter = Parameter("spill", (0.0, 3.0, 8.0), is_scale=True)
    labels, label = parameter.groups(4)
    assert labels == ["0–2", "2–4", "4–6", "6–8"]
    assert [label(value) for value in (0.0, 1.9, 2.0, 8.0)] == ["0–2", "0–2", "2–4", "6–8"]


def test_it_keeps_words_apart_from_numbers_and_true_from_one() -> None:
    labels, label = Parameter("flag", (True, 1, "1")).groups(8)
    assert [label(value) for value in (True, 1)] == ["true", "1"]
    assert "true" in labels


def test_it_takes_the_last_of_many_words_together() -> None:
    labels, label = Parameter("kind", tuple("abcdefghij")).groups(4)
    assert labels == ["a", "b", "c", OTHERS]
    assert label("j") == OTHERS


def test_a_parameter_that_decides_the_score_explains_it() -> None:
    trials = [trial(n, score=float(n % 2), a=n % 2, b=n % 3) for n in range(12)]
    assert explained(Parameter("a", (0, 1)), trials) == pytest.approx(1.0)
    assert explained(Parameter("b", (0, 1, 2)), trials) == 0.0


def test_a_parameter_explains_nothing_where_each_value_was_tried_once() -> None:
    trials = [trial(n, float(n), a=n) for n in range(4)]
    assert explained(Parameter("a", (0, 1, 2, 3)), trials) == 0.0


def test_some_trials_have_the_best_among_them() -> None:
    trials = [trial(n, float(n), a=n) for n in range(100)]
    some = some_of(trials, 12, maximised=True)
    assert len(some) == 12
    assert {t.number for t in some} >= {99, 98, 97, 96}
    assert [t.number for t in some] == sorted(t.number for t in some)
    assert some_of(trials, 12, maximised=False)[0].number == 0


def test_an_even_choice_has_both_ends() -> None:
    assert evenly(range(10), 4) == [0, 3, 6, 9]
    assert evenly(range(3), 4) == [0, 1, 2]
    assert evenly(range(10), 1) == [0]


def test_chunks_are_no_more_than_asked_for() -> None:
    parts = chunks(list(range(10)), 4)
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert [item for part in parts for item in part] == list(range(10))
