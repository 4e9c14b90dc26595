"""Task files as text: YAML or JSON in, YAML out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tasks_app.documents import DocumentError, load_document, read_text, reads_as_text
from tasks_app.legacy import convert_legacy
from tasks_app.masking import mask_problems
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.spec import TaskSpec, validate_spec


def load_task_file(
    path: Path, *, catalogue: RuntimeCatalogue, gpus: int | None = None
) -> tuple[TaskSpec, list[Problem]]:
    """Read and check a task file. Raises SpecError."""
    try:
        text = read_text(path)
    except DocumentError as error:
        raise SpecError([Problem("", error.message)]) from error
    spec, warnings = load_task(text, catalogue=catalogue, gpus=gpus)
    if problems := mask_problems(spec.environment):
        raise SpecError(problems)
    return spec, warnings


def load_task(
    text: str, *, catalogue: RuntimeCatalogue, gpus: int | None = None
) -> tuple[TaskSpec, list[Problem]]:
    """The task that a YAML or JSON text describes, and warnings. Raises SpecError.

    Files of the system this one replaces are converted, each conversion being a warning.
    """
    try:
        data = load_document(text)
    except DocumentError as error:
        raise SpecError([Problem("", str(error))]) from error
    if data is None:
        raise SpecError([Problem("", "the file is empty")])
    conversions: list[Problem] = []
    if isinstance(data, dict):
        data, conversions = convert_legacy(data)
    spec, warnings = validate_spec(data, catalogue=catalogue, gpus=gpus)
    return spec, [*conversions, *warnings]


def dump_task(spec: TaskSpec) -> str:
    """The task file of a spec: YAML in the file's order, lists and ranges on one line each."""
    return dump_document(spec.to_data())


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
    in_line = not data or data.keys() <= {"low", "high", "step", "log"}
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
