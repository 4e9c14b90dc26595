"""Counting the valid configurations of a space without listing them.

Flags that no constraint ties together multiply. Within a tied group the flags are bound one
after the other; what the rest may be depends only on those bound flags that a still open
constraint names, so equal cases are counted once (variable elimination). A chain
`a <= b <= c` of a thousand values each takes two million steps instead of a thousand million.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from tasks_app.domains import canonical
from tasks_app.expressions import Constraint, Scalar

MAX_STEPS = 100_000
"""Partial configurations looked at before a group counts as too large (half a second)."""

Holds = Callable[[Constraint, Mapping[str, Scalar]], bool]


class _TooLarge(Exception):
    pass


def independent_components(
    names: Sequence[str], constraints: Iterable[Constraint]
) -> list[tuple[tuple[str, ...], tuple[Constraint, ...]]]:
    """Groups of flags that share constraints, with those constraints; in the order of `names`."""
    group_of = {name: {name} for name in names}
    relevant = [
        (constraint, [name for name in constraint.names if name in group_of])
        for constraint in constraints
    ]
    for _, tied in relevant:
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
    values: Sequence[tuple[str, Sequence[Scalar]]], constraints: Sequence[Constraint], holds: Holds
) -> int | None:
    """Number of ways to bind every flag with all `constraints` holding; None beyond MAX_STEPS."""
    if not constraints:
        total = 1
        for _, options in values:
            total *= len(options)
        return total
    try:
        return _Counter(values, constraints, holds).count(0, {})
    except _TooLarge:
        return None


class _Counter:
    def __init__(
        self,
        values: Sequence[tuple[str, Sequence[Scalar]]],
        constraints: Sequence[Constraint],
        holds: Holds,
    ) -> None:
        self._values = sorted(values, key=lambda item: len(item[1]))
        self._holds = holds
        self._steps = 0
        self._memory: dict[tuple[object, ...], int] = {}
        position = {name: index for index, (name, _) in enumerate(self._values)}
        last_index = [
            max(position[name] for name in c.names if name in position) for c in constraints
        ]
        indexed = list(zip(constraints, last_index, strict=True))
        self._closing = [
            [c for c, last in indexed if last == index] for index in range(len(self._values))
        ]
        self._frontier = [
            [
                name
                for name, at in position.items()
                if at < index and any(last >= index and name in c.names for c, last in indexed)
            ]
            for index in range(len(self._values))
        ]

    def count(self, index: int, bound: dict[str, Scalar]) -> int:
        if index == len(self._values):
            return 1
        key = (index, *(canonical(bound[name]) for name in self._frontier[index]))
        if key in self._memory:
            return self._memory[key]
        name, options = self._values[index]
        total = 0
        for option in options:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise _TooLarge
            bound[name] = option
            if all(self._holds(constraint, bound) for constraint in self._closing[index]):
                total += self.count(index + 1, bound)
        bound.pop(name, None)
        self._memory[key] = total
        return total
