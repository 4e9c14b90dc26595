import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks_app.expressions import Constraint
from tasks_app.space import Choices, Range, SearchSpace, configuration_key
from tasks_app.space_faults import constraint_faults


def constraints(*texts: str) -> tuple[Constraint, ...]:
    return tuple(Constraint.parse(text) for text in texts)


def test_it_counts_what_the_constraints_leave() -> None:
    space = SearchSpace(
        {"tp": Choices((1, 2, 4)), "dp": Choices((1, 2, 4)), "mem": Range(0.7, 0.9, step=0.05)},
        constraints("tp * dp <= gpus"),
        {"gpus": 4},
    )
    assert space.size() == 6 * 5
    assert len(list(space.configurations())) == 30
    assert space.size_bound() == 45


def test_it_counts_a_large_constrained_space_exactly() -> None:
    space = SearchSpace(
        {
            "a": Range(1, 150),
            "b": Range(1, 150),
            "c": Range(1, 150),
            "free": Range(1, 10**9),
        },
        constraints("a <= b", "b <= c"),
    )
    assert space.size() == (150 * 151 * 152 // 6) * 10**9


def test_it_says_when_a_group_is_too_large_to_count() -> None:
    space = SearchSpace({"a": Range(1, 10**6), "b": Range(1, 10**6)}, constraints("a < b"))
    assert space.size() is None
    assert space.is_finite
    assert space.size_bound() == 10**12


def test_it_counts_an_empty_group_even_beside_one_too_large_to_count() -> None:
    space = SearchSpace(
        {"a": Range(1, 10**6), "b": Range(1, 10**6), "c": Choices((1, 2))},
        constraints("a < b", "c > 2"),
    )
    assert space.size() == 0


def test_it_has_no_size_where_a_range_is_continuous() -> None:
    space = SearchSpace({"a": Range(0.1, 0.9), "b": Choices((1, 2))})
    assert space.size() is None
    assert not space.is_finite
    with pytest.raises(ValueError, match="infinite"):
        space.configurations()


def test_it_obeys_a_constraint_that_names_no_searched_flag() -> None:
    space = SearchSpace(
        {"a": Choices((1, 2))}, constraints("fixed > gpus"), {"fixed": 1, "gpus": 2}
    )
    assert space.size() == 0
    assert list(space.configurations()) == []
    assert space.sample(random.Random(0)) is None


def test_it_excludes_configurations_that_a_constraint_cannot_judge() -> None:
    space = SearchSpace({"a": Choices((0, 1, 2))}, constraints("4 // a >= 2"))
    assert [c["a"] for c in space.configurations()] == [1, 2]


def test_it_uses_a_runtime_s_default_for_a_flag_left_out() -> None:
    space = SearchSpace(
        {"batch": Choices((None, 64)), "ubatch": Choices((512, 4096))},
        constraints("ubatch <= batch"),
        defaults={"batch": 2048},
    )
    assert [tuple(c.values()) for c in space.configurations()] == [(None, 512)]


def test_it_allows_only_its_own_flags_and_values() -> None:
    space = SearchSpace({"a": Choices((1, 2)), "b": Range(1, 3)}, constraints("a < b"))
    assert space.allows({"a": 1, "b": 3})
    assert space.allows({"b": 3, "a": 1})
    assert not space.allows({"a": 2, "b": 2})
    assert not space.allows({"a": 1})
    assert not space.allows({"a": 1, "b": 3, "c": 1})
    assert not space.allows({"a": True, "b": 3})


def test_it_finds_its_part_of_an_experiment_s_parameters() -> None:
    space = SearchSpace({"a": Choices((1, 2))})
    assert space.restrict({"fixed": 9, "a": 2}) == {"a": 2}
    assert space.restrict({"fixed": 9}) is None
    assert space.restrict({"a": 3}) is None


def test_it_keeps_true_and_one_apart_in_keys() -> None:
    assert configuration_key({"a": 1, "b": None}) == configuration_key({"b": None, "a": 1.0})
    assert configuration_key({"a": 1}) != configuration_key({"a": True})


def test_it_samples_where_constraints_leave_almost_nothing() -> None:
    space = SearchSpace(
        {"a": Range(1, 300), "b": Range(1, 300)}, constraints("a == 17 and b == 291")
    )
    assert space.sample(random.Random(3)) == {"a": 17, "b": 291}


def test_it_counts_the_parts_of_a_conjunction_apart() -> None:
    assert SearchSpace({"a": Range(1, 50_000)}, constraints("a > 10 and a <= 20")).size() == 10
    assert (
        SearchSpace(
            {"a": Range(1, 300), "b": Range(1, 10_000)}, constraints("a == 7 and b > a")
        ).size()
        == 10_000 - 7
    )


def test_it_says_which_constraint_cannot_be_evaluated_and_where() -> None:
    space = SearchSpace({"a": Choices((1, 0)), "b": Choices(("x",))}, constraints("1 / a > 0"))
    [(constraint, reason)] = constraint_faults(space)
    assert constraint.text == "1 / a > 0"
    assert reason == "column 3: divides by zero where a = 0"


def test_it_says_which_constraint_nothing_can_meet() -> None:
    space = SearchSpace({"a": Range(1, 50)}, constraints("a > 60", "a > 1"))
    assert [reason for _, reason in constraint_faults(space)] == ["holds for no configuration"]


def test_it_looks_for_faults_in_ranges_too_large_to_list() -> None:
    space = SearchSpace({"a": Range(0, 10**12), "x": Range(0.0, 1.0)}, constraints("x / a > 0"))
    assert len(constraint_faults(space)) == 1


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3),
)
def test_it_agrees_with_counting_by_hand(lengths: list[int], pairs: list[tuple[int, int]]) -> None:
    names = [f"p{index}" for index in range(len(lengths))]
    usable = [(a % len(names), b % len(names)) for a, b in pairs]
    texts = [f"{names[a]} + {names[b]} <= 5" for a, b in usable]
    space = SearchSpace(
        {name: Range(1, length) for name, length in zip(names, lengths, strict=True)},
        constraints(*texts),
    )
    by_hand = [
        case
        for case in itertools.product(*(range(1, length + 1) for length in lengths))
        if all(case[a] + case[b] <= 5 for a, b in usable)
    ]
    assert space.size() == len(by_hand)
    assert [tuple(c.values()) for c in space.configurations()] == by_hand
