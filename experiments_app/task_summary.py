"""What a task would do, told while it is being written: cheap, whatever is typed."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticCustomError

from experiments_app import words
from experiments_app.allow_lists import NotAllowed
from experiments_app.engines.model_source import ModelNotFound
from experiments_app.final_progress import final_share
from experiments_app.gpu_demand import gpu_warnings
from experiments_app.gpus import gpu_count
from experiments_app.plan import estimated_s, first_commands
from experiments_app.scheduler import search_space
from tasks_app.domains import Domain
from tasks_app.expressions import ExpressionError
from tasks_app.flags import check_flag_name
from tasks_app.form.sections import place_of
from tasks_app.masking import mask_text, spec_secrets
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import RuntimeFileError, site_runtimes
from tasks_app.space import SearchSpace
from tasks_app.spec import TaskSpec, validate_spec
from tasks_app.spec_parameters import parse_domain
from tasks_app.volumes import VolumeRefused

MANY = 10**15
MOST_PARAMETERS = 100
EXAMPLE_MODEL = "the-model"
_SCALES = ((10**12, "million million"), (10**9, "billion"), (10**6, "million"))


@dataclass(frozen=True)
class TaskSummary:
    """`configurations` in words, "" while it cannot be told; `trouble`: why there is no command."""

    configurations: str = ""
    experiments: int | None = None
    measurements: int | None = None
    points: int = 0
    load: str = ""
    time: str = ""
    time_note: str = ""
    commands: tuple[tuple[str, str], ...] = ()
    trouble: str = ""
    warnings: tuple[str, ...] = ()


def summarise(document: Mapping[str, Any], warnings: list[Problem] | None = None) -> TaskSummary:
    """Of a task document that may not be finished, or wrong."""
    spec = _spec_of(document)
    if spec is None:
        return TaskSummary(configurations=_count_in_words(_space_of(document)))
    gpus = gpu_count()
    space = search_space(spec, gpus)
    size = _size(spec, gpus)
    budget = spec.optimization.max_iterations
    experiments = 1 + (budget if size is None else min(budget, size))
    points = len(spec.points())
    finds = spec.benchmark.finds_concurrency
    time, note = _time(spec, experiments)
    commands, trouble = _commands(spec) if document.get("model") else ((), "")
    found = [*(warnings or []), *gpu_warnings(spec, gpus)]
    return TaskSummary(
        configurations=_in_words(size, is_finite=space.is_finite),
        experiments=experiments,
        measurements=None if finds else experiments * points,
        load="" if not finds else spec.benchmark.concurrency_in_words,
        points=points,
        time=time,
        time_note=note,
        commands=commands,
        trouble=trouble,
        warnings=tuple(dict.fromkeys(map(_warning, found))),
    )


def _warning(problem: Problem) -> str:
    """With the field's name in place of its key, where the form has one for all of it."""
    place = place_of(problem.path)
    if place is None or place.path != problem.path:
        return str(problem)
    return f"{place.label}: {Problem('', problem.message, problem.suggestion)}"


def _spec_of(document: Mapping[str, Any]) -> TaskSpec | None:
    """The spec, where nothing but the name and the model may still be missing."""
    filled = {**document, "task_name": document.get("task_name") or "unnamed"}
    filled["model"] = document.get("model") or {"id_or_path": EXAMPLE_MODEL}
    try:
        return validate_spec(filled, catalogue=site_runtimes())[0]
    except SpecError:
        return None


def _space_of(document: Mapping[str, Any]) -> SearchSpace | None:
    """The flags to try by themselves, where at least they can be read."""
    parameters = document.get("parameters")
    if not isinstance(parameters, Mapping) or not 0 < len(parameters) <= MOST_PARAMETERS:
        return None
    domains: dict[str, Domain] = {}
    try:
        for name, value in parameters.items():
            domains[check_flag_name(str(name))] = parse_domain(value)
    except PydanticCustomError:
        return None
    return SearchSpace(domains)


def _count_in_words(space: SearchSpace | None) -> str:
    return "" if space is None else _in_words(space.size(), is_finite=space.is_finite)


def _in_words(size: int | None, *, is_finite: bool) -> str:
    """1,250 · 2,000,000,000 (2 billion) · more than a million billion"""
    if size is None:
        return "too many to count" if is_finite else "without end"
    if size > MANY:
        return "more than a million billion"
    for scale, name in _SCALES:
        if size >= scale:
            return f"{size:,} ({size / scale:.3g} {name})"
    return f"{size:,}"


def _size(spec: TaskSpec, gpus: int) -> int | None:
    """Counting takes up to half a second, and every key stroke asks."""
    data = spec.to_data()
    counted = ("base_runtime", "parameters", "fixed_parameters", "constraints", "use_gpus", "model")
    text = json.dumps({key: data[key] for key in counted})
    return _counted(text, gpus)


@lru_cache(maxsize=512)
def _counted(text: str, gpus: int) -> int | None:
    spec = TaskSpec.from_data({"task_name": "any"} | json.loads(text))
    return search_space(spec, gpus).size()


def _time(spec: TaskSpec, experiments: int) -> tuple[str, str]:
    """How long it takes, and where that is known from; else what it cannot exceed."""
    found = estimated_s(spec, experiments)
    share = final_share(spec.optimization)
    if found is not None:
        final = ", the final included" if share else ""
        return (
            f"about {words.duration(found)}",
            f"At the pace of this site's past experiments{final}.",
        )
    limit_s = spec.optimization.timeout_per_iteration
    longest = words.duration(experiments * limit_s * (1 + share))
    note = f"Nothing like it was measured here yet. The limit: {experiments} × "
    final = f", and {share:.0%} of that for the final" if share else ""
    return f"at most {longest}", f"{note}{words.duration(limit_s)}{final}."


def _commands(spec: TaskSpec) -> tuple[tuple[tuple[str, str], ...], str]:
    """What the baseline and the first configuration are started with."""
    # The tokenizer of a GGUF file takes a while to make, and no command names it.
    benchmark = spec.benchmark.model_copy(update={"model_tokenizer": spec.tokenizer})
    spec = spec.model_copy(update={"benchmark": benchmark})
    try:
        lines = first_commands(spec, 2)
    except (RuntimeFileError, ExpressionError, ModelNotFound, VolumeRefused, NotAllowed) as error:
        return (), str(error)
    titles = ("The baseline", "The first configuration")
    secrets = spec_secrets(spec)
    return tuple(
        (title, mask_text(_in_lines(line), spec.environment, *secrets))
        for title, line in zip(titles, lines, strict=False)
    ), ""


def _in_lines(command: list[str]) -> str:
    """A command for the shell, an option a line."""
    lines: list[list[str]] = [[]]
    for argument in command:
        if argument.startswith("--"):
            lines.append([])
        lines[-1].append(argument)
    return " \\\n  ".join(map(shlex.join, lines))
