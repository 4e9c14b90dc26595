"""Counting the valid configurations of a space without listing them.

Flags that neither a constraint nor a condition ties together multiply. Within a tied group the
flags are bound one after the other; what the rest may be depends only on those bound flags that a
still open constraint or condition names, so equal cases are counted once (variable elimination). A
chain `a <= b <= c` of a thousand values each takes two million steps instead of a thousand million.
A flag whose condition is not met is left unbound, which is one way to bind it.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from tasks_app.conditions import parents_first
from tasks_app.domains import canonical
from tasks_app.expressions import Condition, Constraint, Scalar

MAX_STEPS = 100_000
"""Partial configurations looked at before a group counts as too large (half a second)."""

Holds = Callable[[Constraint, Mapping[str, Scalar]], bool]
IsActive = Callable[[str, Mapping[str, Scalar]], bool]


class _TooLarge(Exception):
    pass


def independent_components(
    names: Sequence[str],
    constraints: Iterable[Constraint],
    conditions: Mapping[str, Condition],
) -> list[tuple[tuple[str, ...], tuple[Constraint, ...]]]:
    """Groups of flags that share constraints or conditions, with those constraints; in the order
    of `names`."""
    group_of = {name: {name} for name in names}
    relevant = [
        (constraint, [name for name in constraint.names if name in group_of])
        for constraint in constraints
    ]
    by_condition = [
        [name, *(other for other in condition.names if other in group_of)]
        for name, condition in conditions.items()
    ]
    for tied in (*(tied for _, tied in relevant), *by_condition):
        merged = set().union(*(group_of[name] for name in tied))
        for name in merged:
            group_of[name] = merged
    components: list[tuple[tuple[str, ...], tuple[Constraint, ...]]] = []
    seen: set[str] = set()
    for name in names:
        if name in seen:
            continue
        group = group_of[name]
        seen |= group
        own = tuple(constraint for constraint, tied in relevant if tied and tied[0] in group)
        components.append((tuple(other for other in names if other in group), own))
    return components


def count_component(
    values: Sequence[tuple[str, Sequence[Scalar]]],
    constraints: Sequence[Constraint],
    conditions: Mapping[str, Condition],
    holds: Holds,
    is_active: IsActive,
) -> int | None:
    """Number of ways to bind every flag with all `constraints` holding; None beyond MAX_STEPS."""
    if not constraints and conditions.keys().isdisjoint(name for name, _ in values):
        return math.prod(len(options) for _, options in values)
    try:
        return _Counter(values, constraints, conditions, holds, is_active).count(0, {})
    except _TooLarge:
        return None


class _Counter:
    def __init__(
        self,
        values: Sequence[tuple[str, Sequence[Scalar]]],
        constraints: Sequence[Constraint],
        conditions: Mapping[str, Condition],
        holds: Holds,
        is_active: IsActive,
    ) -> None:
        by_size = [name for name, _ in sorted(values, key=lambda item: len(item[1]))]
        parents = {name: condition.names for name, condition in conditions.items()}
        self._names = parents_first(by_size, parents)
        self._options = dict(values)
        self._holds = holds
        self._is_active = is_active
        self._steps = 0
        self._memory: dict[tuple[object, ...], int] = {}
        position = {name: index for index, name in enumerate(self._names)}
        last_index = [
            max(position[name] for name in c.names if name in position) for c in constraints
        ]
        indexed = list(zip(constraints, last_index, strict=True))
        self._closing = [
            [c for c, last in indexed if last == index] for index in range(len(self._names))
        ]
        asking = [(c.names, last) for c, last in indexed]
        asking += [(c.names, position[name]) for name, c in conditions.items() if name in position]
        self._frontier = [
            [
                name
                for name, at in position.items()
                if at < index and any(last >= index and name in named for named, last in asking)
            ]
            for index in range(len(self._names))
        ]

    def count(self, index: int, bound: dict[str, Scalar]) -> int:
        if index == len(self._names):
            return 1
        key = (index, *(canonical(bound.get(name)) for name in self._frontier[index]))
        if key in self._memory:
            return self._memory[key]
        name = self._names[index]
        if self._is_active(name, bound):
            total = 0
            for option in self._options[name]:
                bound[name] = option
                total += self._rest(index, bound)
            bound.pop(name, None)
        else:
            total = self._rest(index, bound)
        self._memory[key] = total
        return total

    def _rest(self, index: int, bound: dict[str, Scalar]) -> int:
        """Ways to bind what comes after `index`, if what is bound up to it may stand."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _TooLarge
        if all(self._holds(constraint, bound) for constraint in self._closing[index]):
            return self.count(index + 1, bound)
        return 0
