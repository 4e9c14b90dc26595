"""Template filters: numbers and times in words."""

import json
import shlex
from collections.abc import Iterable

from django import template

from experiments_app import words
from tasks_app.expressions import Scalar

register = template.Library()


@register.filter
def number(value: float | None) -> str:
    return "" if value is None else words.number(value)


@register.filter
def percent(value: float | None) -> str:
    return "" if value is None else words.percent(value)


@register.filter
def seconds(value: float | str | None) -> str:
    """Seconds of a phase in a column of such: one decimal; nothing for an experiment to come."""
    return f"{value:.1f}" if isinstance(value, float | int) else ""


@register.filter
def duration(value: float | None) -> str:
    return "" if value is None else words.duration(value)


@register.filter
def size(value: float | None) -> str:
    return "" if value is None else words.size(value)


@register.filter
def score(value: float | str | None, objective: str) -> str:
    return words.score(value, objective) if isinstance(value, float | int) else ""


@register.filter
def short_unit(objective: str) -> str:
    return words.SHORT_UNITS[objective]


@register.filter
def objective_words(objective: str) -> str:
    return words.OBJECTIVES[objective]


@register.filter
def gain_words(objective: str) -> str:
    return words.gain(objective)


@register.filter
def flag_value(value: Scalar) -> str:
    return words.flag_value(value)


@register.filter
def domain(data: object) -> str:
    return words.domain(data)


@register.filter
def slo_words(name: str, bound: float) -> str:
    return words.slo(name, bound)


@register.filter
def cause(error_kind: str) -> str:
    return words.cause(error_kind)


@register.filter
def shell(arguments: Iterable[object]) -> str:
    """An argument list as a shell would read it."""
    return shlex.join(map(str, arguments))


@register.filter
def pretty_json(value: object) -> str:
    """For people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False)
