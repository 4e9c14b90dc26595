"""The search space in a task file: flag name to choices or range, and the fixed values."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from tasks_app.conditions import find_cycle, parents_of
from tasks_app.domains import Choices, Domain, Range, canonical
from tasks_app.expressions import Condition, ExpressionError
from tasks_app.flags import FlagName, check_scalar
from tasks_app.problems import did_you_mean
from tasks_app.space import Scalar
from tasks_app.validation import refusal, refusal_of_keys, shown, wrong_type

MAX_CHOICES = 1_000
MAX_STEPS = 10**18
"""Of a range from its low to its high end: what can be counted."""
_RANGE_KEYS = ("low", "high", "step", "log", "when")
_CHOICE_KEYS = ("values", "when")


def parse_domain(value: object) -> Domain:
    """A list of choices, or a mapping with low and high, or with values; both mappings may have a
    condition under when. Raises PydanticCustomError."""
    if isinstance(value, Choices | Range):
        return value
    if isinstance(value, list | tuple):
        return _parse_choices(list(value))
    if isinstance(value, Mapping):
        return _parse_listed(value) if "values" in value else _parse_range(value)
    raise refusal(
        f"must be a list of choices or a range, not {shown(value)}",
        f"write [{value}], or set it under fixed_parameters"
        if isinstance(value, str | int | float | None)
        else "",
    )


def _parse_choices(values: list[object]) -> Choices:
    if not values:
        raise refusal("has no choices", "list at least one value")
    if len(values) > MAX_CHOICES:
        raise refusal(f"has more than {MAX_CHOICES} choices", "write a range")
    options: list[Scalar] = []
    seen: set[tuple[str, Scalar]] = set()
    for index, value in enumerate(values):
        try:
            option = check_scalar(value)
        except PydanticCustomError as error:
            context = error.context or {}
            raise refusal(
                f"choice {index + 1}: {context['message']}", context["suggestion"]
            ) from error
        if canonical(option) in seen:
            raise refusal(f"the choice {shown(option)} stands twice")
        seen.add(canonical(option))
        options.append(option)
    return Choices(tuple(options))


def _parse_listed(data: Mapping[Any, Any]) -> Choices:
    for key in data:
        if key in ("low", "high", "step", "log"):
            raise refusal(f"has both values and {key}", "keep the values or the range")
        if key not in _CHOICE_KEYS:
            raise refusal(
                f"unknown key {shown(key)} beside values", did_you_mean(str(key), _CHOICE_KEYS)
            )
    values = data["values"]
    if not isinstance(values, list | tuple):
        raise refusal(f"values must be a list of choices, not {shown(values)}", f"write [{values}]")
    return replace(_parse_choices(list(values)), when=_condition(data.get("when")))


def _condition(value: object) -> str:
    """The text of a condition, "" for none."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        message, suggestion = wrong_type(value, "text")
        raise refusal(f"when {message}", suggestion or 'write when: "other-flag == 1"')
    text = " ".join(value.split())
    try:
        Condition.parse(text)
    except ExpressionError as error:
        raise refusal(f"when {shown(text)}: {error}") from error
    return text


def _parse_range(data: Mapping[Any, Any]) -> Range:
    for key in data:
        if key not in _RANGE_KEYS:
            raise refusal(
                f"unknown key {shown(key)} in a range", did_you_mean(str(key), _RANGE_KEYS)
            )
    for key in ("low", "high"):
        if key not in data:
            raise refusal(f"a range needs {key}", "write {low: …, high: …}")
    numbers = {key: _number(key, data[key]) for key in ("low", "high")}
    low, high = numbers["low"], numbers["high"]
    step = None if data.get("step") is None else _number("step", data["step"])
    log = data.get("log", False)
    if not isinstance(log, bool):
        message, suggestion = wrong_type(log, "true or false")
        raise refusal(f"log {message}", suggestion)
    if low > high:
        raise refusal(f"low {low} is above high {high}", f"write {{low: {high}, high: {low}}}")
    _check_step(low, high, step)
    if log and low <= 0:
        raise refusal(f"a log scale needs low above 0, not {low}")
    if log and step is not None:
        raise refusal("a range has a step or a log scale, not both", "leave one of them out")
    return Range(low=low, high=high, step=step, log=log, when=_condition(data.get("when")))


def _check_step(low: float, high: float, step: float | None) -> None:
    if step is None:
        if isinstance(low, int) and isinstance(high, int):
            _check_count(low, high, 1)
        return
    if step <= 0:
        raise refusal(f"step must be more than 0, not {step}")
    if step > high - low and high > low:
        raise refusal(
            f"step {step} is larger than the range from {low} to {high}",
            f"write the choices: [{low}, {high}]",
        )
    _check_count(low, high, step)


def _check_count(low: float, high: float, step: float) -> None:
    if high - low > MAX_STEPS * step:
        raise refusal("a range has too many steps from low to high", "bring its ends together")


def _number(key: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        message, suggestion = wrong_type(value, "a number")
        raise refusal(f"{key} {message}", suggestion)
    check_scalar(value)
    return value


def _mapping(value: object) -> object:
    """A flag that stands for nothing but its presence needs a value too: say which."""
    if isinstance(value, list):
        raise refusal("must be a mapping of flag names, not a list", "write flag-name: value")
    return value


DomainField = Annotated[
    Domain,
    PlainValidator(parse_domain),
    PlainSerializer(lambda domain: domain.to_data()),
]


def _check_conditions(parameters: dict[str, Domain]) -> dict[str, Domain]:
    """No flag may depend on itself, be it through others."""
    if cycle := find_cycle(parents_of(parameters)):
        first = cycle[0]
        through = " → ".join((*cycle, first))
        raise refusal_of_keys(
            {first: (f"depends on itself: {through}", "let one of them have no condition")}
        )
    return parameters


Parameters = Annotated[
    dict[FlagName, DomainField], BeforeValidator(_mapping), AfterValidator(_check_conditions)
]


def _fixed_value(value: object) -> Scalar:
    if isinstance(value, list | Mapping):
        raise refusal(
            f"a fixed value cannot be {shown(value)}",
            "search it under parameters, or write one value",
        )
    return check_scalar(value)


FixedParameters = Annotated[
    dict[FlagName, Annotated[Scalar, PlainValidator(_fixed_value)]], BeforeValidator(_mapping)
]
