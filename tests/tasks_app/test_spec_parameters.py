from collections.abc import Callable
from typing import Any

import pytest

from tasks_app.problems import Problem
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import validate_spec

ProblemsWith = Callable[..., list[Problem]]


@pytest.mark.parametrize(
    ("value", "message", "suggestion"),
    [
        ([], "has no choices", "list at least one value"),
        ([1, 1], "the choice 1 stands twice", ""),
        ([1, 1.0], "the choice 1.0 stands twice", ""),
        ([[1]], "choice 1: must be text, a number, true, false or null, not a list", ""),
        ([float("nan")], "choice 1: must be a finite number, not nan", ""),
        ([10**30], "is too large", ""),
        ([""], "choice 1: must not be an empty text", "write null to leave the flag out"),
        (["--trust-remote-code"], "would be read as another flag", "start it without a dash"),
        (["a\nb"], "holds a control character", ""),
        (list(range(1001)), "has more than 1000 choices", "write a range"),
        (
            4,
            "must be a list of choices or a range, not 4",
            "write [4], or set it under fixed_parameters",
        ),
        ({}, "a range needs low", "write {low: …, high: …}"),
        ({"low": 1}, "a range needs high", "write {low: …, high: …}"),
        ({"low": 4, "high": 1}, "low 4 is above high 1", "write {low: 1, high: 4}"),
        (
            {"low": "1", "high": 4},
            "low must be a number, not the text '1'",
            "write 1 without quotes",
        ),
        ({"low": True, "high": 4}, "low must be a number, not true", ""),
        ({"low": 1, "high": float("inf")}, "must be a finite number, not inf", ""),
        ({"low": 1, "high": 4, "step": 0}, "step must be more than 0, not 0", ""),
        ({"low": 1, "high": 4, "step": -1}, "step must be more than 0, not -1", ""),
        (
            {"low": 1, "high": 4, "step": 5},
            "step 5 is larger than the range from 1 to 4",
            "write the choices: [1, 4]",
        ),
        ({"low": 1, "high": 4, "log": "yes"}, "log must be true or false, not 'yes'", ""),
        ({"low": 0, "high": 4, "log": True}, "a log scale needs low above 0, not 0", ""),
        (
            {"low": 1, "high": 4, "log": True, "step": 1},
            "a range has a step or a log scale, not both",
            "leave one of them out",
        ),
        (
            {"low": 1, "high": 4, "stepp": 1},
            "unknown key 'stepp' in a range",
            "did you mean 'step'?",
        ),
    ],
)
def test_it_refuses_a_domain_that_makes_no_sense(
    problems_with: ProblemsWith, value: object, message: str, suggestion: str
) -> None:
    [problem] = problems_with(parameters={"threads": value})
    assert problem.path == "parameters.threads"
    assert message in problem.message
    assert problem.suggestion == suggestion


def test_it_refuses_an_empty_search_space(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(parameters={})
    assert (problem.path, problem.message) == ("parameters", "must not be empty")


@pytest.mark.parametrize("value", [[1, 2], {"low": 1, "high": 2}])
def test_it_wants_one_value_for_a_fixed_parameter(
    problems_with: ProblemsWith, value: object
) -> None:
    [problem] = problems_with(fixed_parameters={"parallel": value})
    assert problem.path == "fixed_parameters.parallel"
    assert "search it under parameters" in problem.suggestion


@pytest.mark.parametrize("name", ["", "-", "a b", "a=b", "-x y", "ü", "a\n", "9a"])
def test_it_refuses_names_that_no_flag_has(problems_with: ProblemsWith, name: str) -> None:
    [problem] = problems_with(parameters={name: [1]})
    assert "is not a flag name" in problem.message


def test_it_says_how_a_flag_with_leading_dashes_is_written(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(parameters={"--threads": [1]})
    assert problem.path == "parameters.--threads"
    assert problem.suggestion == "write threads"


def test_it_refuses_keys_that_are_no_text(problems_with: ProblemsWith) -> None:
    [problem] = problems_with(parameters={1: [1]})
    assert "must be text" in problem.message


@pytest.mark.parametrize(
    "parameters",
    [
        {"threads": [None, 1]},
        {"cont-batching": [True, False]},
        {"flash-attn": ["on", "off", None]},
        {"threads": {"low": 1, "high": 1}},
        {"slot-prompt-similarity": {"low": 0.0, "high": 1.0}},
    ],
)
def test_it_takes_what_makes_sense(
    document: dict[str, Any], catalogue: RuntimeCatalogue, parameters: dict[str, Any]
) -> None:
    spec, warnings = validate_spec(document | {"parameters": parameters}, catalogue=catalogue)
    assert spec.to_data()["parameters"] == parameters
    assert warnings == []
