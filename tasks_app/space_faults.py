"""Constraints and conditions that cannot be evaluated somewhere, or are met nowhere.

Looked at are all combinations of the values that an expression names, a flag under a condition
being left out too, or an even selection of them where they are many.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from tasks_app.domains import Domain, Range
from tasks_app.expressions import Constraint, Expression, ExpressionError, Scalar
from tasks_app.space import Configuration, SearchSpace

FAULT_CASES = 4_000
"""Value combinations of one expression that are looked at, at most."""


def constraint_faults(space: SearchSpace) -> list[tuple[Constraint, str]]:
    """Constraints that cannot be evaluated or hold nowhere, each with the reason."""
    found = [
        (constraint, _fault(space, constraint, constraint.holds, "holds for no configuration"))
        for constraint in space.constraints
    ]
    return [(constraint, reason) for constraint, reason in found if reason is not None]


def condition_faults(space: SearchSpace) -> list[tuple[str, str]]:
    """Flags whose condition cannot be evaluated or is met nowhere, each with the reason."""
    found = [
        (name, _fault(space, condition, condition.is_met, "is met by no configuration"))
        for name, condition in space.conditions.items()
    ]
    return [(name, reason) for name, reason in found if reason is not None]


def _fault(
    space: SearchSpace,
    expression: Expression,
    is_true: Callable[[Mapping[str, Scalar]], bool],
    never: str,
) -> str | None:
    names = [name for name in expression.names if name in space.parameters]
    per_flag = max(2, int(FAULT_CASES ** (1 / max(1, len(names)))))
    complete = all(_is_small(space.parameters[name], per_flag) for name in names)
    ever = False
    for bound in itertools.islice(_cases(space, names, per_flag), FAULT_CASES):
        try:
            ever = is_true(space.scope(bound)) or ever
        except ExpressionError as error:
            where = ", ".join(f"{name} = {value!r}" for name, value in bound.items())
            return f"{error}" + (f" where {where}" if where else "")
    return never if complete and not ever else None


def _cases(space: SearchSpace, names: Sequence[str], per_flag: int) -> Iterator[Configuration]:
    """Values of `names`; a case that the conditions rule out by these alone is passed over."""
    options = [
        [(True, value) for value in _spread(space.parameters[name], per_flag)]
        + [(False, None)] * (name in space.conditions)
        for name in names
    ]
    for case in itertools.product(*options):
        chosen = dict(zip(names, case, strict=True))
        bound = {name: value for name, (is_set, value) in chosen.items() if is_set}
        if all(_may_be(space, name, is_set, bound) for name, (is_set, _) in chosen.items()):
            yield bound


def _may_be(space: SearchSpace, name: str, is_set: bool, bound: Configuration) -> bool:
    condition = space.conditions.get(name)
    if condition is None:
        return is_set
    known = {*bound, *space.context}
    return not known.issuperset(condition.names) or space.is_active(name, bound) == is_set


def _is_small(domain: Domain, most: int) -> bool:
    values = domain.values()
    return values is not None and len(values) <= most


def _spread(domain: Domain, most: int) -> Sequence[Scalar]:
    """At most `most` values, evenly over the domain, both ends among them."""
    values = domain.values()
    if values is None and isinstance(domain, Range):
        width = (domain.high - domain.low) / (most - 1)
        return [domain.low + index * width for index in range(most - 1)] + [domain.high]
    if values is None or len(values) <= most:
        return values or ()
    return [values[index * (len(values) - 1) // (most - 1)] for index in range(most)]
