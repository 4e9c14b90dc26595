"""The search space of a task: every configuration that may be tried.

A configuration gives each searched flag a value; it is *valid* when all constraints hold.
A constraint that cannot be evaluated for a configuration (a division by zero, say) excludes
that configuration; `SearchSpace.faults()` finds such cases beforehand.
"""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tasks_app.domains import Choices, Domain, Range, canonical
from tasks_app.expressions import Constraint, ExpressionError, Scalar
from tasks_app.space_count import count_component, independent_components

__all__ = [
    "Choices",
    "Configuration",
    "Domain",
    "Range",
    "Scalar",
    "SearchSpace",
    "configuration_key",
]

Configuration = dict[str, Scalar]

SAMPLE_TRIES = 2_000
"""Draws that may break a constraint before the space is searched for a valid one in order."""
SEARCH_STEPS = 50_000
"""Partial configurations looked at in that search, at most."""
FAULT_CASES = 4_000
"""Value combinations of one constraint that `faults()` looks at, at most."""


def configuration_key(parameters: Mapping[str, Scalar]) -> frozenset[tuple[str, object]]:
    """Equal for equal configurations, whatever the order of their flags."""
    return frozenset((name, canonical(value)) for name, value in parameters.items())


@dataclass(frozen=True)
class SearchSpace:
    """Domains of the searched flags, constraints among them, and what else those may name.

    `context` holds the values of every other name in a constraint: fixed parameters, `gpus`.
    `defaults` are the runtime's own values of searched flags, used in constraints for a
    flag that a configuration leaves out (null).
    """

    parameters: Mapping[str, Domain]
    constraints: tuple[Constraint, ...] = ()
    context: Mapping[str, Scalar] = field(default_factory=dict)
    defaults: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.parameters)

    @property
    def is_finite(self) -> bool:
        return all(domain.values() is not None for domain in self.parameters.values())

    def size_bound(self) -> int | None:
        """Number of configurations if no constraint excluded any; None for an infinite space."""
        lengths: list[int] = []
        for domain in self.parameters.values():
            values = domain.values()
            if values is None:
                return None
            lengths.append(len(values))
        return math.prod(lengths)

    def size(self) -> int | None:
        """The exact number of valid configurations.

        None where there is no end to them, or where flags that constraints tie together have
        too many combinations to count (`space_count.MAX_STEPS`); `size_bound()` still bounds it.
        """
        if not self.is_finite:
            return None
        counts = [int(self._constants_hold())]
        for names, constraints in independent_components(self.names, self._conjuncts):
            values = [(name, self.parameters[name].values() or ()) for name in names]
            count = count_component(values, constraints, self._holds)
            counts.append(-1 if count is None else count)
        if 0 in counts:
            return 0
        return None if -1 in counts else math.prod(counts)

    @cached_property
    def _conjuncts(self) -> tuple[Constraint, ...]:
        """The constraints in their smallest parts, so that a branch ends as early as it can."""
        return tuple(part for constraint in self.constraints for part in constraint.conjuncts())

    def _constants_hold(self) -> bool:
        """Whether the constraints hold that name no searched flag."""
        constants = (c for c in self._conjuncts if self.parameters.keys().isdisjoint(c.names))
        return all(self._holds(constraint, {}) for constraint in constants)

    def _scope(self, configuration: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        scope = {**self.context, **configuration}
        for name, value in self.defaults.items():
            if scope.get(name) is None:
                scope[name] = value
        return scope

    def _holds(self, constraint: Constraint, configuration: Mapping[str, Scalar]) -> bool:
        try:
            return constraint.holds(self._scope(configuration))
        except ExpressionError:
            return False

    def holds(self, configuration: Mapping[str, Scalar]) -> bool:
        """Whether all constraints hold."""
        return all(self._holds(constraint, configuration) for constraint in self.constraints)

    def allows(self, configuration: Mapping[str, Scalar]) -> bool:
        """Whether these are the space's flags, each with a value of its domain, all constraints
        holding."""
        return (
            configuration.keys() == self.parameters.keys()
            and all(
                domain.contains(configuration[name]) for name, domain in self.parameters.items()
            )
            and self.holds(configuration)
        )

    def restrict(self, parameters: Mapping[str, Scalar]) -> Configuration | None:
        """The part of `parameters` that this space searches; None if it is not a configuration."""
        part = {name: parameters[name] for name in self.parameters if name in parameters}
        return part if self.allows(part) else None

    def configurations(self, max_steps: int | None = None) -> Iterator[Configuration]:
        """Every valid configuration of a finite space, the last flag varying fastest.

        `max_steps` ends the search after so many partial configurations, valid or not.
        Raises ValueError for an infinite space.
        """
        if not self.is_finite:
            raise ValueError("an infinite space has no list of configurations")
        values = {name: domain.values() or () for name, domain in self.parameters.items()}
        return self._walk(values, max_steps)

    def sample(self, rng: random.Random) -> Configuration | None:
        """Draw a valid configuration, each flag by its own distribution; None if none was found.

        Where constraints leave so little that drawing does not hit it, a bounded search in
        random order looks for one; on a small finite space that search is complete.
        """
        for _ in range(SAMPLE_TRIES if self.constraints else 1):
            drawn = {name: domain.sample(rng) for name, domain in self.parameters.items()}
            if self.holds(drawn):
                return drawn
        shuffled = {name: _shuffled(domain, rng) for name, domain in self.parameters.items()}
        return next(self._walk(shuffled, max_steps=SEARCH_STEPS), None)

    def faults(self) -> list[tuple[Constraint, str]]:
        """Constraints that cannot be evaluated somewhere, or hold nowhere, each with the reason.

        Looks at all combinations of the values that a constraint names, or at an even
        selection of them where they are many.
        """
        found: list[tuple[Constraint, str]] = []
        for constraint in self.constraints:
            reason = self._fault(constraint)
            if reason is not None:
                found.append((constraint, reason))
        return found

    def _fault(self, constraint: Constraint) -> str | None:
        names = [name for name in constraint.names if name in self.parameters]
        per_flag = max(2, int(FAULT_CASES ** (1 / max(1, len(names)))))
        cases = itertools.product(*(_spread(self.parameters[n], per_flag) for n in names))
        complete = all(_is_small(self.parameters[n], per_flag) for n in names)
        ever = False
        for case in itertools.islice(cases, FAULT_CASES):
            bound = dict(zip(names, case, strict=True))
            try:
                ever = constraint.holds(self._scope(bound)) or ever
            except ExpressionError as error:
                where = ", ".join(f"{name} = {value!r}" for name, value in bound.items())
                return f"{error}" + (f" where {where}" if where else "")
        return "holds for no configuration" if complete and not ever else None

    def _walk(
        self, values: Mapping[str, Sequence[Scalar]], max_steps: int | None = None
    ) -> Iterator[Configuration]:
        """Depth first through `values`, leaving a branch at the first constraint it breaks."""
        names = list(values)
        if not self._constants_hold():
            return
        position = {name: index for index, name in enumerate(names)}
        closing: list[list[Constraint]] = [[] for _ in names]
        for constraint in self._conjuncts:
            tied = [position[name] for name in constraint.names if name in position]
            if tied:
                closing[max(tied)].append(constraint)
        bound: Configuration = {}
        stack: list[Iterator[Scalar]] = [iter(values[names[0]])] if names else []
        steps = 0
        if not names:
            yield {}
        while stack:
            depth = len(stack) - 1
            steps += 1
            if max_steps is not None and steps > max_steps:
                return
            try:
                bound[names[depth]] = next(stack[-1])
            except StopIteration:
                stack.pop()
                bound.pop(names[depth], None)
                continue
            if not all(self._holds(constraint, bound) for constraint in closing[depth]):
                continue
            if depth + 1 == len(names):
                yield dict(bound)
            else:
                stack.append(iter(values[names[depth + 1]]))


def _shuffled(domain: Domain, rng: random.Random, most: int = 1_000) -> Sequence[Scalar]:
    values = domain.values()
    if values is None:
        return [domain.sample(rng) for _ in range(most)]
    return rng.sample(values, min(most, len(values)))


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
