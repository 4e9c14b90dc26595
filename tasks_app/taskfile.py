"""Task files as text: YAML or JSON in, YAML out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from tasks_app.documents import DocumentError, load_document, read_text, reads_as_text
from tasks_app.legacy import convert_legacy
from tasks_app.masking import masked_document, unmasked_document
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.spec import TaskSpec, validate_spec

RARELY_SET = ("use_gpus", "container", "readiness", "access", "quality", "cost")


def load_task_file(
    path: Path, *, catalogue: RuntimeCatalogue, gpus: int | None = None
) -> tuple[TaskSpec, list[Problem]]:
    """Read and check a task file. Raises SpecError."""
    try:
        text = read_text(path)
    except DocumentError as error:
        raise SpecError([Problem("", error.message)]) from error
    return load_task(text, catalogue=catalogue, gpus=gpus)


def load_task(
    text: str,
    *,
    catalogue: RuntimeCatalogue,
    gpus: int | None = None,
    stored: Mapping[str, Any] | None = None,
) -> tuple[TaskSpec, list[Problem]]:
    """The task that a YAML or JSON text describes, and warnings. Raises SpecError."""
    try:
        data = load_document(text)
    except DocumentError as error:
        raise SpecError([Problem("", str(error))]) from error
    return check_task(data, catalogue=catalogue, gpus=gpus, stored=stored)


def check_task(
    data: Any,
    *,
    catalogue: RuntimeCatalogue,
    gpus: int | None = None,
    stored: Mapping[str, Any] | None = None,
) -> tuple[TaskSpec, list[Problem]]:
    """The same of a document that was read. Raises SpecError.

    Files of the system this one replaces are converted, each conversion being a warning.
    `stored`: the document whose secrets the masks stand for.
    """
    if data is None:
        raise SpecError([Problem("", "the file is empty")])
    conversions: list[Problem] = []
    if isinstance(data, dict):
        data, conversions = convert_legacy(data)
        data = unmasked_document(data, stored or {})
    spec, warnings = validate_spec(data, catalogue=catalogue, gpus=gpus)
    return spec, [*conversions, *warnings]


def dump_for_people(document: Mapping[str, Any]) -> str:
    """The task file of a document as anybody may see it, without its secrets: YAML in the file's
    order, lists and ranges on one line each."""
    return dump_document(without_defaults(masked_document(document)))


def without_defaults(document: Mapping[str, Any]) -> dict[str, Any]:
    """A task document without what most tasks leave as it is: how the server is run.

    What decides what is measured stands in every file, so that it says it by itself.
    """
    short = dict(document)
    for name in RARELY_SET:
        standard = TaskSpec.model_fields[name].get_default(call_default_factory=True)
        value = short.get(name)
        if isinstance(standard, BaseModel) and isinstance(value, Mapping):
            known = standard.model_dump()
            short[name] = {
                key: item
                for key, item in value.items()
                if key not in known or not _same(item, known[key])
            }
        if name in short and (_same(value, standard) or short[name] == {}):
            del short[name]
    return short


def _same(value: object, standard: object) -> bool:
    """Equal in value and kind: true is not 1."""
    return type(value) is type(standard) and value == standard


def dump_document(data: Mapping[str, Any]) -> str:
    return yaml.dump(
        dict(data),
        Dumper=_TaskDumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=False,
    )


class _TaskDumper(yaml.SafeDumper):
    """Writes what any YAML reader takes for the same: words like `on` stand in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _list(dumper: _TaskDumper, data: list[Any]) -> yaml.Node:
    flat = all(item is None or isinstance(item, str | int | float) for item in data)
    short = sum(len(str(item)) for item in data) < 80
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flat and short)


def _mapping(dumper: _TaskDumper, data: dict[str, Any]) -> yaml.Node:
    in_line = not data or data.keys() <= {"low", "high", "step", "log", "values", "when"}
    return dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=in_line)


def _text(dumper: _TaskDumper, data: str) -> yaml.Node:
    style = None
    if "\n" in data and data == data.strip():
        style = "|"
    elif not reads_as_text(data):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_TaskDumper.add_representer(list, _list)
_TaskDumper.add_representer(dict, _mapping)
_TaskDumper.add_representer(str, _text)
