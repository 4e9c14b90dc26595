"""Flags that are searched only where a condition is met."""

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks_app.domains import Domain
from tasks_app.expressions import Constraint
from tasks_app.problems import SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.space import Choices, Configuration, Range, SearchSpace, configuration_key
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.strategies import STRATEGIES, Search, Trial
from tasks_app.strategies.encoding import Encoding
from tests.experiments_app.specs import task_data

SPECULATIVE = SearchSpace(
    {
        "steps": Choices((1, 3, 5), when="algorithm == 'EAGLE'"),
        "algorithm": Choices(("EAGLE", "NGRAM", None)),
        "window": Range(2, 3, when="algorithm == 'NGRAM'"),
        "tree": Choices((4, 8), when="steps > 1"),
    }
)


def key_set(configurations: list[Configuration]) -> set[object]:
    return {configuration_key(configuration) for configuration in configurations}


def test_a_flag_whose_condition_is_not_met_is_left_out() -> None:
    listed = list(SPECULATIVE.configurations())
    assert {"algorithm": None} in listed
    assert {"algorithm": "NGRAM", "window": 2} in listed
    assert {"steps": 1, "algorithm": "EAGLE"} in listed
    assert {"steps": 3, "algorithm": "EAGLE", "tree": 8} in listed
    assert len(listed) == len(key_set(listed)) == 1 + 2 + 1 + 2 * 2 == SPECULATIVE.size()


def test_the_flags_of_a_configuration_stand_in_the_order_of_the_task() -> None:
    listed = list(SPECULATIVE.configurations())
    assert ["steps", "algorithm", "tree"] in [list(configuration) for configuration in listed]


def test_what_differs_in_a_flag_that_is_not_set_is_one_configuration() -> None:
    given = {"fixed": 1, "algorithm": None, "steps": 3}
    assert SPECULATIVE.restrict(given) == {"algorithm": None}
    assert not SPECULATIVE.allows({"algorithm": None, "steps": 3})
    assert SPECULATIVE.restrict({"algorithm": "EAGLE"}) is None


def test_to_a_constraint_a_flag_that_is_not_set_is_the_default_of_the_runtime() -> None:
    parameters: dict[str, Domain] = {
        "batch": Choices((64, 512), when="big"),
        "big": Choices((True, False)),
    }
    limit = (Constraint.parse("batch <= 100"),)
    known = SearchSpace(parameters, limit, defaults={"batch": 2048})
    assert list(known.configurations()) == [{"batch": 64, "big": True}]
    unknown = SearchSpace(parameters, limit)
    assert unknown.size() == 2


def test_a_condition_whose_outcome_is_unknown_is_not_met() -> None:
    space = SearchSpace({"a": Choices((None, 5)), "b": Choices((1, 2), when="a > 3")})
    assert list(space.configurations()) == [{"a": None}, {"a": 5, "b": 1}, {"a": 5, "b": 2}]


def test_an_unset_flag_has_a_neutral_place_of_its_own_in_the_model() -> None:
    space = SearchSpace({"on": Choices((True, False)), "n": Range(1, 5, when="on")})
    group = Encoding.of(space).groups[1]
    points = group.points([{"on": False}, {"on": True, "n": 1}, {"on": True, "n": 5}])
    assert points[1, 0] < points[0, 0] < points[2, 0]


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """Up to five flags, each of which may depend on those before it, under some constraints; in
    any order."""
    parameters: dict[str, Domain] = {}
    for index in range(draw(st.integers(1, 5))):
        when = ""
        if index and draw(st.booleans()):
            parent = draw(st.sampled_from(sorted(parameters)))
            other = draw(st.sampled_from(sorted(parameters)))
            when = draw(
                st.sampled_from(
                    [f"{parent} > 1", f"{parent} == 1", f"{parent} == null or {other} > 2"]
                )
            )
        options = draw(st.lists(st.sampled_from([1, 2, 3, None]), min_size=1, unique=True))
        parameters[f"p{index}"] = Choices(tuple(options), when=when)
    names = draw(st.permutations(list(parameters)))
    limits = tuple(
        Constraint.parse(f"{draw(st.sampled_from(names))} + {draw(st.sampled_from(names))} <= 4")
        for _ in range(draw(st.integers(0, 2)))
    )
    defaults = {name: 2 for name in names if draw(st.booleans())}
    return SearchSpace({name: parameters[name] for name in names}, limits, {}, defaults)


def by_hand(space: SearchSpace) -> set[object]:
    """The keys of all valid configurations, from every combination of all values."""
    domains = space.parameters.values()
    combinations = itertools.product(*(domain.values() or () for domain in domains))
    made = (space.configuration_of(dict(zip(space.names, c, strict=True))) for c in combinations)
    return {configuration_key(configuration) for configuration in made if configuration is not None}


@settings(max_examples=80, deadline=None)
@given(space=spaces())
def test_the_size_is_exact_and_nothing_is_listed_twice(space: SearchSpace) -> None:
    listed = list(space.configurations())
    assert len(listed) == len(key_set(listed)) == space.size() == len(by_hand(space))
    assert key_set(listed) == by_hand(space)
    assert all(space.allows(configuration) for configuration in listed)
    assert all(space.restrict(configuration) == configuration for configuration in listed)


@settings(max_examples=40, deadline=None)
@given(space=spaces(), seed=st.integers(0, 9))
def test_what_is_drawn_is_a_configuration_of_the_space(space: SearchSpace, seed: int) -> None:
    drawn = space.sample(random.Random(seed))
    assert (drawn is None) == (space.size() == 0)
    assert drawn is None or space.allows(drawn)


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=6, deadline=None)
@given(space=spaces())
def test_every_strategy_tries_each_configuration_once_and_ends(
    name: str, space: SearchSpace
) -> None:
    size = space.size() or 0
    budget = min(size, 14)
    history: list[Trial] = []
    while proposed := STRATEGIES[name].propose(
        space, tuple(history), Search(seed=2, maximise=True, budget=budget)
    ):
        assert space.allows(proposed.configuration)
        assert configuration_key(proposed.configuration) not in key_set(
            [dict(t.parameters) for t in history]
        )
        history.append(Trial(proposed.configuration, "success", True, float(len(history) + 1)))
        if len(history) > 14:
            return
    assert len(history) == size


@pytest.mark.parametrize("name", ["auto", "bayesian"])
def test_it_learns_of_a_conditional_flag_in_a_large_space(name: str) -> None:
    space = SearchSpace(
        {"on": Choices((True, False)), "n": Range(1, 1000, when="on"), "m": Range(1, 50)}
    )
    history: list[Trial] = []
    for _ in range(20):
        proposed = STRATEGIES[name].propose(
            space, history, Search(seed=0, maximise=True, budget=20)
        )
        assert proposed is not None
        assert space.allows(proposed.configuration)
        value = proposed.configuration.get("n", 10)
        assert isinstance(value, int)
        history.append(Trial(proposed.configuration, "success", True, float(value)))
    assert max(trial.score or 0 for trial in history) > 800


# In a task file


def problems(**parameters: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        validate_spec(task_data(parameters=parameters), catalogue=site_runtimes())
    return [str(problem) for problem in error.value.problems]


def test_a_task_file_says_under_which_condition_a_flag_is_tried() -> None:
    parameters = {
        "flash-attn": ["on", "off"],
        "cache-type-v": {"values": ["f16", "q8_0"], "when": "flash-attn == 'on'"},
        "threads": {"low": 1, "high": 2, "when": "flash-attn == 'off'"},
    }
    spec, _ = validate_spec(task_data(parameters=parameters), catalogue=site_runtimes())
    assert spec.to_data()["parameters"] == parameters
    assert TaskSpec.from_data(spec.to_data()) == spec
    assert spec.search_space().size() == 4


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ({"values": [1], "when": "parallels == 1"}, "nothing is named 'parallels'"),
        ({"values": [1], "when": "gpus > 1"}, "names flags, not the number of GPUs"),
        ({"values": [1], "when": "parallel =="}, "expected a flag name or a value"),
        ({"values": [1], "when": "parallel > 8"}, "is met by no configuration"),
        ({"values": [1], "when": "parallel + 1"}, "gives 2, not true or false"),
        ({"values": [1], "when": "threads > 1"}, "depends on itself: threads → threads"),
        ({"values": [1], "when": True}, "must be text"),
        ({"values": [1], "low": 1}, "has both values and low"),
        ({"values": 3}, "must be a list of choices"),
        ({"low": 1, "high": 2, "whne": "x"}, "unknown key 'whne'"),
    ],
)
def test_what_is_wrong_with_a_condition_is_said(domain: Any, said: str) -> None:
    [problem] = problems(parallel=[1, 4], threads=domain)
    assert problem.startswith("parameters.threads")
    assert said in problem


def test_conditions_that_go_round_in_a_circle_are_refused() -> None:
    [problem] = problems(
        threads={"values": [1], "when": "parallel > 1"},
        parallel={"values": [1], "when": "threads > 1"},
    )
    assert "depends on itself: threads → parallel → threads" in problem
