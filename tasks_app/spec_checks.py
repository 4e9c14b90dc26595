"""Checks of a task that need more than one of its keys, or the installed engines.

Those of how its server is run are in `spec_deployment_checks`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks_app.conditions import conditions_of
from tasks_app.domains import Choices
from tasks_app.expressions import Expression
from tasks_app.percentile_requests import percentile_of, requests_needed
from tasks_app.problems import Problem, did_you_mean
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.runtimes.schema import Runtime
from tasks_app.space import SearchSpace
from tasks_app.space_faults import condition_faults, constraint_faults
from tasks_app.spec_sections import OF_TOKENS

if TYPE_CHECKING:
    from tasks_app.spec import TaskSpec


def constraint_problems(spec: "TaskSpec", catalogue: RuntimeCatalogue) -> list[Problem]:
    """Names in constraints and conditions that nothing gives a value to."""
    runtime = catalogue.find(spec.base_runtime)
    if runtime is None:
        return []  # told as such; what its flags are is not known
    flags = {*spec.parameters, *spec.fixed_parameters}
    flags |= {name for name, default in runtime.defaults.items() if default is not None}
    problems: list[Problem] = []
    for index, constraint in enumerate(spec.parsed_constraints()):
        path = f"constraints[{index}]"
        problems += _name_problems(path, constraint, spec, runtime, {*flags, "gpus"})
    for name, condition in conditions_of(spec.parameters).items():
        path = f"parameters.{name}.when"
        if "gpus" in condition.names:
            message = "a condition names flags, not the number of GPUs"
            problems.append(Problem(path, message, "write a constraint"))
            continue
        problems += _name_problems(path, condition, spec, runtime, flags)
    return problems


def _name_problems(
    path: str, expression: Expression, spec: "TaskSpec", runtime: Runtime, usable: set[str]
) -> list[Problem]:
    problems = []
    for name in expression.names:
        if name in usable:
            continue
        if name in runtime.defaults:
            message = f"{name!r} is not set by this task and has no known default"
            problems.append(Problem(path, message, f"set {name} under fixed_parameters"))
        else:
            message = f"nothing is named {name!r}"
            problems.append(Problem(path, message, _constraint_hint(name, spec, usable)))
    return problems


def _constraint_hint(name: str, spec: "TaskSpec", usable: set[str]) -> str:
    options = [o for d in spec.parameters.values() if isinstance(d, Choices) for o in d.options]
    if name in options or name in spec.fixed_parameters.values():
        return f'text stands in quotes: "{name}"'
    if any(name.startswith(f"{other}-") for other in usable):
        return "a minus sign needs blanks around it: a - b"
    return did_you_mean(name, usable)


def space_problems(spec: "TaskSpec", space: SearchSpace) -> list[Problem]:
    """Constraints that cannot be evaluated or exclude everything, and conditions that cannot be
    evaluated or are never met, on whatever machine."""
    problems: list[Problem] = []
    for name, reason in condition_faults(space):
        text = space.conditions[name].text
        problems.append(Problem(f"parameters.{name}.when", f"{text!r} {_verb(reason)}"))
    for constraint, reason in constraint_faults(space):
        path = f"constraints[{spec.constraints.index(constraint.text)}]"
        problems.append(Problem(path, f"{constraint.text!r} {_verb(reason)}"))
    if not problems and space.size() == 0:
        problems.append(
            Problem("constraints", "the constraints leave no configuration to try", "loosen one")
        )
    return problems


def load_problems(spec: "TaskSpec") -> list[Problem]:
    """What does not go together with a load that is found, or with one that is given."""
    benchmark, optimization = spec.benchmark, spec.optimization
    if not benchmark.finds_concurrency:
        if benchmark.max_concurrency is None:
            return []
        message = "counts only where the concurrency is found"
        hint = "leave it out, or write num_concurrency: auto"
        return [Problem("benchmark.max_concurrency", message, hint)]
    named = optimization.objectives or [optimization.objective]
    at_one_load = ("throughput", "goodput", *OF_TOKENS)
    latencies = [name for name in named if not name.endswith(at_one_load)]
    if not latencies:
        return []
    return [
        Problem(
            "benchmark.num_concurrency",
            f"auto measures each configuration at the highest load that it carries, and"
            f" {latencies[0]} compares all at the same loads",
            "write a list as [1, 4], or maximize throughput or goodput under an SLO",
        )
    ]


def scenario_problems(spec: "TaskSpec") -> list[Problem]:
    """Weights of what is no scenario of the task, or of what has no use for them."""
    optimization, known = spec.optimization, spec.benchmark.traffic_scenarios
    path = "optimization.scenario_weights"
    problems = [
        Problem(f"{path}.{name}", f"{name!r} is no scenario of this task", _scenario(name, known))
        for name in optimization.scenario_weights
        if name not in known
    ]
    if optimization.scenario_weights and optimization.across_scenarios == "worst_case":
        message = "the worst case has no use for weights"
        problems.append(Problem(path, message, "leave them out, or take the geometric mean"))
    return problems


def _scenario(name: str, known: Sequence[str]) -> str:
    spaceless = {other.replace(" ", "").casefold(): other for other in known}
    same = spaceless.get(name.replace(" ", "").casefold())
    return f"did you mean {same!r}?" if same else did_you_mean(name, known)


def _verb(reason: str) -> str:
    return reason if reason.endswith("no configuration") else f"cannot be evaluated: {reason}"


def advice(spec: "TaskSpec") -> list[Problem]:
    """Warnings about a task that can be kept but may not do what was meant."""
    notes: list[Problem] = []
    most = max(spec.benchmark.given_concurrencies, default=1)
    if spec.benchmark.max_requests_per_level < most:
        notes.append(
            Problem(
                "benchmark.max_requests_per_level",
                f"{spec.benchmark.max_requests_per_level} requests never reach {most} at once",
                f"write at least {most}",
            )
        )
    notes += _percentile_advice(spec)
    if spec.optimization.objective == "maximize_goodput" and not spec.slo_bounds():
        notes.append(
            Problem("slo", "without a latency bound every request counts as good", "add one")
        )
    if spec.optimization.objectives and spec.optimization.prune:
        notes.append(
            Problem(
                "optimization.prune",
                "with several objectives nothing is pruned",
                "what cannot be the best in one may be on the front",
            )
        )
    return notes


def _percentile_advice(spec: "TaskSpec") -> list[Problem]:
    """A bound on a percentile that a level has too few requests to be sure of."""
    requests = spec.benchmark.max_requests_per_level
    named = {name: percentile for name in spec.slo if (percentile := percentile_of(name))}
    if not named:
        return []
    name = max(named, key=lambda name: named[name])
    needed = requests_needed(named[name])
    if requests >= needed:
        return []
    return [
        Problem(
            f"slo.{name}",
            f"{requests} requests per level cannot bound p{named[name]} from above: whether it is"
            " met stays unsure",
            f"write max_requests_per_level: {needed} or more, or bound a lower percentile",
        )
    ]
