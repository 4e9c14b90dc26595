"""One more try for a failed experiment, where its runtime's file says which flag to change.

- Once for an experiment; a repair is not repaired, and what the run has tried is not tried again.
- A fixed flag is never changed: the task said so. Nor is one left out because of its condition.
- A searched flag gets a value of its domain, any other one that the runtime's catalogue allows.
- The baseline is repaired too. It stays failed: a gain over the default needs a default that runs.
- A repair is an experiment of the budget, and obeys the constraints.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments_app import words
from experiments_app.models import Experiment
from tasks_app.domains import DecimalGrid, Domain, Range
from tasks_app.expressions import Scalar
from tasks_app.runtimes.flag import Flag
from tasks_app.runtimes.repair import Repair
from tasks_app.runtimes.schema import Runtime
from tasks_app.space import Configuration, SearchSpace, configuration_key
from tasks_app.spec import TaskSpec
from tasks_app.strategies import Proposal


@dataclass(frozen=True)
class RepairTry:
    """`configuration` with all flags of the experiment; `of` is the one that failed."""

    configuration: Configuration
    of: Experiment
    reason: str

    @property
    def proposal(self) -> Proposal:
        return Proposal(self.configuration, self.reason)


def find_repair(
    spec: TaskSpec, runtime: Runtime, space: SearchSpace, experiments: Sequence[Experiment]
) -> RepairTry | None:
    """The repair that the run should try next, if there is one; `experiments` are all of it."""
    if not spec.optimization.repair:
        return None
    repaired = {e.repair_of_id for e in experiments}
    seen = {configuration_key(e.parameters) for e in experiments}
    for experiment in experiments:
        if experiment.status != Experiment.Status.FAILED or experiment.repair_of_id:
            continue
        if experiment.pk in repaired:
            continue
        for repair in runtime.repairs:
            if not repair.applies_to(experiment.error_kind, experiment.error):
                continue
            made = _repaired(repair, spec, runtime, space, experiment)
            if made is not None and configuration_key(made) not in seen:
                reason = _reason(repair.flag, experiment, made[repair.flag])
                return RepairTry(made, experiment, reason)
    return None


def is_outside(spec: TaskSpec, parameters: Mapping[str, Scalar]) -> bool:
    """Whether a flag is set that the task neither searches nor fixes: what came of it says nothing
    of any configuration that the search can propose."""
    return not parameters.keys() <= {*spec.parameters, *spec.fixed_parameters}


def _repaired(
    repair: Repair, spec: TaskSpec, runtime: Runtime, space: SearchSpace, experiment: Experiment
) -> Configuration | None:
    """All flags of the experiment with the one changed; None where that cannot be."""
    name, flag, old = repair.flag, runtime.flags[repair.flag], experiment.parameters
    is_searched = name in spec.parameters
    is_unset = is_searched and name not in old and not space.is_active(name, _told(space, old))
    if name in spec.fixed_parameters or is_unset:
        return None
    before = flag.default if old.get(name) is None else old[name]
    value = _value(repair, before, flag, spec.parameters.get(name))
    if value is None:
        return None
    made = {**old, name: value}
    searched = {key: made[key] for key in spec.parameters if key in made}
    if is_searched and not experiment.is_baseline and not space.allows(searched):
        return None
    return made if space.holds(_told(space, made)) else None


def _told(space: SearchSpace, parameters: Mapping[str, Scalar]) -> Configuration:
    """For constraints: what is left out is the runtime's default, or unknown."""
    return {**dict.fromkeys(space.names), **parameters}


def _value(repair: Repair, before: Scalar, flag: Flag, domain: Domain | None) -> Scalar:
    """The new value, of the domain or else of what the flag accepts; None where there is none."""
    target = repair.target(before)
    if target is None:
        return None
    listed = flag.values if domain is None else domain.values()
    if isinstance(domain, Range) and listed is None:
        value: Scalar = min(max(target, domain.low), domain.high)
    elif listed is not None:
        value = _nearest(repair, target, listed)
    else:
        whole = math.floor(target) if repair.lowers else math.ceil(target)
        value = whole if flag.type == "int" else target
    fits = flag.problem_with(value) is None and repair.is_change(before, value)
    return value if fits else None


def _nearest(repair: Repair, target: float, listed: Sequence[Scalar]) -> Scalar:
    """The nearest listed number at the target or beyond it, else the last before it."""
    numbers: Sequence[int | float]
    if isinstance(listed, range | DecimalGrid):
        numbers = listed
    else:
        numbers = sorted(v for v in listed if type(v) is int or type(v) is float)
    if not numbers:
        return None
    if repair.lowers:
        return numbers[max(0, bisect_right(numbers, target) - 1)]
    return numbers[min(len(numbers) - 1, bisect_left(numbers, target))]


def _reason(name: str, experiment: Experiment, value: Scalar) -> str:
    before = experiment.parameters.get(name)
    had = f"the default {name}" if before is None else f"{name} {words.flag_value(before)}"
    which = "the baseline" if experiment.is_baseline else f"#{experiment.number}"
    cause = words.cause(experiment.error_kind)
    return f"repairs {which}: {cause} with {had}, tried with {words.flag_value(value)}"
