"""Checks of a task against the number of GPUs that a machine has.

A task may be written on another machine than the one that runs it: what these find is a warning
when the task is checked, and keeps it from starting.
"""

from typing import TYPE_CHECKING

from tasks_app.expressions import Expression, ExpressionError
from tasks_app.problems import Problem
from tasks_app.runtimes.schema import Runtime
from tasks_app.space_faults import constraint_faults

if TYPE_CHECKING:
    from tasks_app.spec import TaskSpec


def gpu_problems(spec: "TaskSpec", runtime: Runtime, gpus: int) -> list[Problem]:
    """Why the task cannot start where a configuration can have so many GPUs."""
    needed = _baseline_gpus(spec, runtime)
    if needed > gpus:
        message = f"the baseline needs {_count(needed)}, this host has {_have(gpus)}"
        return [Problem(_place_of_baseline(spec, runtime), message, _hint(gpus))]
    space = spec.search_space(gpus, runtime)
    problems: list[Problem] = []
    for constraint, reason in constraint_faults(space):
        if "gpus" not in constraint.names:
            continue  # a problem on every machine, found by `space_problems`
        if constraint.text in spec.constraints:
            place = f"constraints[{spec.constraints.index(constraint.text)}]"
            message = f"{constraint.text!r} {reason} on this host, which has {_have(gpus)}"
            problems.append(Problem(place, message))
        else:
            message = f"every configuration needs more GPUs than this host has ({gpus})"
            problems.append(Problem("parameters", message, _hint(gpus)))
    if not problems and space.size() == 0:
        message = f"no configuration is left to try on this host, which has {_have(gpus)}"
        problems.append(Problem("constraints", message))
    return problems


def gpu_warnings(spec: "TaskSpec", runtime: Runtime, gpus: int) -> list[Problem]:
    """What keeps the task, or some of its configurations, from running on such a machine."""
    if problems := gpu_problems(spec, runtime, gpus):
        return problems
    named = set(Expression.parse(runtime.devices).names) | {
        name for c in spec.parsed_constraints() if "gpus" in c.names for name in c.names
    }
    if named.isdisjoint(spec.parameters):
        return []
    everywhere, here = spec.search_space(None, runtime).size(), spec.search_space(gpus, runtime)
    fitting = here.size()
    if everywhere is None or fitting is None or fitting == everywhere:
        return []
    return [
        Problem(
            "parameters",
            f"{everywhere - fitting} of {everywhere} configurations are left out on this host,"
            f" which has {_have(gpus)}",
        )
    ]


def _baseline_gpus(spec: "TaskSpec", runtime: Runtime) -> int:
    if not spec.use_gpus:
        return 0
    try:
        return runtime.device_count(spec.baseline_parameters())
    except ExpressionError:  # told where the launch is checked
        return 0


def _place_of_baseline(spec: "TaskSpec", runtime: Runtime) -> str:
    names = Expression.parse(runtime.devices).names
    fixed = next((name for name in names if name in spec.fixed_parameters), None)
    return f"fixed_parameters.{fixed}" if fixed else "base_runtime"


def _hint(gpus: int) -> str:
    if gpus:
        return "start it on a host that has them"
    return "write use_gpus: false where the engine is to run on the CPU"


def _count(number: int) -> str:
    return "1 GPU" if number == 1 else f"{number} GPUs"


def _have(number: int) -> str:
    return _count(number) if number else "none"
