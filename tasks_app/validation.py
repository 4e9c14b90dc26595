"""From pydantic's error records to problems that a user can act on."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from tasks_app.problems import Problem, did_you_mean, nearest_name

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}


def refusal(message: str, suggestion: str = "") -> PydanticCustomError:
    """The error that a validator raises; both texts reach the user as they are."""
    return PydanticCustomError(
        "refused", "{message}", {"message": message, "suggestion": suggestion}
    )


def refusal_of_keys(items: Mapping[str, tuple[str, str]]) -> PydanticCustomError:
    """One error for several keys of a mapping: key to (message, suggestion)."""
    return PydanticCustomError("refused_keys", "{items}", {"items": dict(items)})


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """One problem for each thing that `model` refused, in the order of its keys."""
    problems: list[Problem] = []
    for details in error.errors(include_url=False):
        if details["type"] == "refused_keys":
            items = details.get("ctx", {})["items"].items()
            problems += [Problem(place((*details["loc"], key)), *texts) for key, texts in items]
        else:
            problems.append(_problem(details, model))
    return problems


def unknown_keys(data: object, model: type[BaseModel]) -> list[Problem]:
    """The keys that `model` does not know, whether or not anything stands under them."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        every = error.errors(include_url=False)
        return [_problem(one, model) for one in every if one["type"] == "extra_forbidden"]
    return []


def shown(value: object) -> str:
    """A value as the user would write it: true, null, 'text', shortened where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def wrong_type(value: object, wanted: str) -> tuple[str, str]:
    """Message and suggestion for a value that should have been `wanted` ("a whole number")."""
    if isinstance(value, str) and "number" in wanted and _is_number(value):
        return f"must be {wanted}, not the text {shown(value)}", f"write {value} without quotes"
    if wanted == "text" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"must be text, not {shown(value)}", f'write "{value}" in quotes'
    if wanted == "text" and isinstance(value, Mapping) and list(value.values()) == [None]:
        return f"must be text, not {shown(value)}", f'write "{{{next(iter(value))}}}" in quotes'
    if wanted == "true or false" and isinstance(value, str):
        lowered = value.strip().lower()
        if lowered in {"true", "false"}:
            return f"must be true or false, not {shown(value)}", f"write {lowered} without quotes"
    return f"must be {wanted}, not {shown(value)}", ""


def place(path: Iterable[str | int]) -> str:
    """`("benchmark", "num_concurrency", 1)` as `benchmark.num_concurrency[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else part
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _problem(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    kind, location, value = details["type"], details["loc"], details["input"]
    context: Mapping[str, Any] = details.get("ctx", {})
    path = place(location)
    if kind == "refused":
        return Problem(path, context["message"], context["suggestion"])
    if kind == "extra_forbidden":
        return _unknown_key(location, model)
    if kind == "missing":
        return Problem(path, "is missing")
    if kind in _KINDS:
        return Problem(path, *wrong_type(value, _KINDS[kind]))
    if kind == "literal_error":
        choices = _literals(model, location)
        message = f"must be one of {', '.join(choices)}, not {shown(value)}"
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        return Problem(path, message, hint if hint.startswith("did") else "")
    return Problem(path, _bound_message(kind, context, value) or details["msg"])


def _bound_message(kind: str, context: Mapping[str, Any], value: object) -> str:
    match kind:
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {shown(value)}"
        case "greater_than":
            return f"must be more than {context['gt']}, not {shown(value)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {shown(value)}"
        case "finite_number":
            return f"must be a finite number, not {shown(value)}"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "too_long" | "string_too_long":
            return f"is longer than {context['max_length']}"
        case _:
            return ""


def _unknown_key(location: tuple[int | str, ...], model: type[BaseModel]) -> Problem:
    key = str(location[-1])
    owner = _model_at(model, location[:-1])
    known = list(owner.model_fields) if owner is not None else []
    near = nearest_name(key, known)
    hint = f"did you mean {near!r}?" if near else _section_hint(model, key)
    return Problem(place(location), f"unknown key {key!r}", hint or did_you_mean(key, known))


def _section_hint(model: type[BaseModel], key: str) -> str:
    """Where else in the document a key of this name, or nearly this name, stands."""
    elsewhere = {name: name for name in model.model_fields}
    for section, field in model.model_fields.items():
        for inner in _models_in(field.annotation):
            elsewhere |= {name: f"{section}.{name}" for name in inner.model_fields}
    near = nearest_name(key, elsewhere)
    return f"did you mean {elsewhere[near]!r}?" if near else ""


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def _model_at(model: type[BaseModel], location: Iterable[int | str]) -> type[BaseModel] | None:
    current = model
    for part in location:
        field = current.model_fields.get(str(part))
        if field is None:  # a key of a mapping of models, say runtime flags
            continue
        inner = _models_in(field.annotation)
        if not inner:
            return None
        current = inner[0]
    return current


def _literals(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    owner = _model_at(model, location[:-1]) or model
    names = [part for part in location if isinstance(part, str)]
    field = owner.model_fields.get(names[-1]) if names else None
    return [str(value) for value in _literal_values(field.annotation)] if field else []


def _literal_values(annotation: Any) -> list[Any]:
    values: list[Any] = []
    for part in get_args(annotation):
        inner = _literal_values(part)
        values.extend(inner or ([part] if not isinstance(part, type) else []))
    return values
