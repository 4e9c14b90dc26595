"""Checks of a task that need more than one of its keys, or the installed engines."""

import re
from typing import TYPE_CHECKING

from tasks_app.domains import Choices
from tasks_app.problems import Problem, did_you_mean
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.space import SearchSpace
from tasks_app.validation import refusal, shown

if TYPE_CHECKING:
    from tasks_app.spec import TaskSpec

_LOADER_VARIABLES = re.compile(r"LD_\w+|DYLD_\w+|PYTHON(?:PATH|HOME|STARTUP)|PATH")
_IMAGE = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})",
    re.ASCII,
)


def image_tag(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,127}", text, re.ASCII):
        hint = "a whole image goes under runtime_image" if set(text) & set("/:@") else ""
        raise refusal(f"{shown(text)} is not an image tag", hint)
    return text


def image_reference(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        raise refusal(
            f"{shown(text)} is not a container image",
            "write repository:tag or repository@sha256:…",
        )
    return text


def deployment_problems(spec: "TaskSpec", catalogue: RuntimeCatalogue) -> list[Problem]:
    problems: list[Problem] = []
    if spec.base_runtime in catalogue.broken:
        problems.append(Problem("base_runtime", str(catalogue.broken[spec.base_runtime])))
    if spec.runtime_image and spec.runtime_image_tag:
        problems.append(
            Problem("runtime_image", "stands beside runtime_image_tag", "keep one of the two")
        )
    runtime = catalogue.find(spec.base_runtime)
    if spec.deployment_mode == "docker" and runtime is not None and runtime.image is None:
        if spec.runtime_image_tag:
            problems.append(
                Problem(
                    "runtime_image_tag",
                    f"the runtime {runtime.name} has no image that this could be a tag of",
                    "write the whole image under runtime_image",
                )
            )
        elif not spec.runtime_image:
            problems.append(
                Problem(
                    "deployment_mode",
                    f"the runtime {runtime.name} has no container image",
                    "write deployment_mode: local, or name an image under runtime_image",
                )
            )
    if spec.deployment_mode == "local":
        problems += [
            Problem(
                f"environment.{name}",
                "decides which code the engine loads: a task on this machine may not set it",
                "the administrator can set it in the runtime's file",
            )
            for name in spec.environment
            if _LOADER_VARIABLES.fullmatch(name)
        ]
    return problems


def constraint_problems(
    spec: "TaskSpec", catalogue: RuntimeCatalogue
) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings about names in constraints that nothing gives a value to."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    runtime = catalogue.find(spec.base_runtime)
    defaults = runtime.defaults if runtime is not None else {}
    usable = {*spec.parameters, *spec.fixed_parameters, "gpus"}
    usable |= {name for name, default in defaults.items() if default is not None}
    for index, constraint in enumerate(spec.parsed_constraints()):
        path = f"constraints[{index}]"
        for name in constraint.names:
            if name in usable:
                continue
            hint = f"set {name} under fixed_parameters"
            if name in defaults:
                message = f"{name!r} is not set by this task and has no known default"
                problems.append(Problem(path, message, hint))
            elif runtime is None and name in catalogue.flags_of(spec.base_runtime):
                message = f"{name!r} is not set by this task: its default is not known yet"
                warnings.append(Problem(path, message, hint))
            else:
                message = f"nothing is named {name!r}"
                problems.append(Problem(path, message, _constraint_hint(name, spec, usable)))
    return problems, warnings


def _constraint_hint(name: str, spec: "TaskSpec", usable: set[str]) -> str:
    options = [o for d in spec.parameters.values() if isinstance(d, Choices) for o in d.options]
    if name in options or name in spec.fixed_parameters.values():
        return f'text stands in quotes: "{name}"'
    if any(name.startswith(f"{other}-") for other in usable):
        return "a minus sign needs blanks around it: a - b"
    return did_you_mean(name, usable)


def space_problems(spec: "TaskSpec", space: SearchSpace) -> list[Problem]:
    """Constraints that cannot be evaluated or exclude everything."""
    problems: list[Problem] = []
    for constraint, reason in space.faults():
        if constraint.text in spec.constraints:
            path = f"constraints[{spec.constraints.index(constraint.text)}]"
            problems.append(Problem(path, f"{constraint.text!r} {_verb(reason)}"))
        else:
            problems.append(
                Problem("parameters", "every configuration takes more GPUs than there are")
            )
    if not problems and space.size() == 0:
        problems.append(
            Problem("constraints", "the constraints leave no configuration to try", "loosen one")
        )
    return problems


def _verb(reason: str) -> str:
    return reason if reason.startswith("holds") else f"cannot be evaluated: {reason}"


def advice(spec: "TaskSpec", catalogue: RuntimeCatalogue) -> list[Problem]:
    """Warnings about a task that can be kept but may not do what was meant."""
    notes: list[Problem] = []
    if catalogue.find(spec.base_runtime) is None:
        notes.append(
            Problem(
                "base_runtime",
                f"the runtime {spec.base_runtime} is not installed; the task cannot start yet",
                f"add runtimes/{spec.base_runtime}.yaml to the data folder",
            )
        )
    if spec.deployment_mode == "local" and (spec.runtime_image or spec.runtime_image_tag):
        key = "runtime_image" if spec.runtime_image else "runtime_image_tag"
        notes.append(Problem(key, "has no effect with deployment_mode: local"))
    most = max(spec.benchmark.num_concurrency)
    if spec.benchmark.max_requests_per_level < most:
        notes.append(
            Problem(
                "benchmark.max_requests_per_level",
                f"{spec.benchmark.max_requests_per_level} requests never reach {most} at once",
                f"write at least {most}",
            )
        )
    if spec.optimization.objective == "maximize_goodput" and not spec.slo_bounds():
        notes.append(
            Problem("slo", "without a latency bound every request counts as good", "add one")
        )
    return notes
