"""The search space of a task: every configuration that may be tried.

A configuration gives each searched flag a value, except those whose condition is not met: they are
left out, and to constraints and conditions they are what the runtime then takes (its default, or
null). It is *valid* when all constraints hold. A constraint that cannot be evaluated for a
configuration (a division by zero, say) excludes that configuration, a condition that cannot be is
not met; `space_faults` finds such cases beforehand.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tasks_app.conditions import conditions_of, parents_first, parents_of
from tasks_app.domains import Choices, Domain, Range, canonical
from tasks_app.expressions import Condition, Constraint, ExpressionError, Scalar
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
_LEFT_OUT = object()


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
        groups = independent_components(self.names, self._conjuncts, self.conditions)
        for names, constraints in groups:
            values = [(name, self.parameters[name].values() or ()) for name in names]
            count = count_component(
                values, constraints, self.conditions, self._holds, self.is_active
            )
            counts.append(-1 if count is None else count)
        if 0 in counts:
            return 0
        return None if -1 in counts else math.prod(counts)

    @cached_property
    def _conjuncts(self) -> tuple[Constraint, ...]:
        """The constraints in their smallest parts, so that a branch ends as early as it can."""
        return tuple(part for constraint in self.constraints for part in constraint.conjuncts())

    @cached_property
    def conditions(self) -> Mapping[str, Condition]:
        """Of the flags that are not always set."""
        return conditions_of(self.parameters)

    @cached_property
    def _unset(self) -> Mapping[str, Scalar]:
        return dict.fromkeys(self.conditions)

    @cached_property
    def _order(self) -> tuple[str, ...]:
        return parents_first(self.names, parents_of(self.parameters))

    def is_active(self, name: str, others: Mapping[str, Scalar]) -> bool:
        """Whether a flag is set, `others` being the values of those that it depends on."""
        condition = self.conditions.get(name)
        try:
            return condition is None or condition.is_met(self.scope(others))
        except ExpressionError:
            return False

    def active_part(self, values: Mapping[str, Scalar]) -> Configuration:
        """`values` without those of flags whose condition they do not meet."""
        if not self.conditions:
            return dict(values)
        part: Configuration = {}
        for name in self._order:
            if name in values and self.is_active(name, part):
                part[name] = values[name]
        return {name: part[name] for name in self.parameters if name in part}

    def configuration_of(self, values: Mapping[str, Scalar]) -> Configuration | None:
        """The configuration that values for all flags make; None where it breaks a constraint."""
        part = self.active_part(values)
        return part if self.holds(part) else None

    @cached_property
    def _closing(self) -> Sequence[Sequence[Constraint]]:
        """The constraints that can be judged once so many flags of `_order` are bound."""
        position = {name: index for index, name in enumerate(self._order)}
        closing: list[list[Constraint]] = [[] for _ in self._order]
        for constraint in self._conjuncts:
            tied = [position[name] for name in constraint.names if name in position]
            if tied:
                closing[max(tied)].append(constraint)
        return closing

    def _constants_hold(self) -> bool:
        """Whether the constraints hold that name no searched flag."""
        constants = (c for c in self._conjuncts if self.parameters.keys().isdisjoint(c.names))
        return all(self._holds(constraint, {}) for constraint in constants)

    def scope(self, configuration: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        """What each name in a constraint or condition stands for."""
        scope = {**self._unset, **self.context, **configuration}
        for name, value in self.defaults.items():
            if scope.get(name) is None:
                scope[name] = value
        return scope

    def _holds(self, constraint: Constraint, configuration: Mapping[str, Scalar]) -> bool:
        try:
            return constraint.holds(self.scope(configuration))
        except ExpressionError:
            return False

    def holds(self, configuration: Mapping[str, Scalar]) -> bool:
        """Whether all constraints hold."""
        return all(self._holds(constraint, configuration) for constraint in self.constraints)

    def allows(self, configuration: Mapping[str, Scalar]) -> bool:
        """Whether these are the flags that are set, each with a value of its domain, all
        constraints holding."""
        return (
            configuration.keys() <= self.parameters.keys()
            and all(
                (name in configuration) == self.is_active(name, configuration)
                for name in self.parameters
            )
            and all(self.parameters[name].contains(value) for name, value in configuration.items())
            and self.holds(configuration)
        )

    def restrict(self, parameters: Mapping[str, Scalar]) -> Configuration | None:
        """The part of `parameters` that this space searches; None if it is not a configuration.

        Values of flags whose condition is not met are no part of it.
        """
        part = {name: parameters[name] for name in self.parameters if name in parameters}
        part = self.active_part(part)
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
            if (configuration := self.configuration_of(drawn)) is not None:
                return configuration
        shuffled = {name: _shuffled(domain, rng) for name, domain in self.parameters.items()}
        return next(self._walk(shuffled, max_steps=SEARCH_STEPS), None)

    def _walk(
        self, values: Mapping[str, Sequence[Scalar]], max_steps: int | None = None
    ) -> Iterator[Configuration]:
        """Depth first through `values`, leaving a branch at the first constraint it breaks."""
        names = self._order
        if not self._constants_hold():
            return
        bound: Configuration = {}

        def options(depth: int) -> Iterator[Any]:
            name = names[depth]
            return iter(values[name] if self.is_active(name, bound) else (_LEFT_OUT,))

        stack = [options(0)] if names else []
        steps = 0
        if not names:
            yield {}
        while stack:
            depth = len(stack) - 1
            steps += 1
            if max_steps is not None and steps > max_steps:
                return
            bound.pop(names[depth], None)
            try:
                value = next(stack[-1])
            except StopIteration:
                stack.pop()
                continue
            if value is not _LEFT_OUT:
                bound[names[depth]] = value
            if not all(self._holds(constraint, bound) for constraint in self._closing[depth]):
                continue
            if depth + 1 == len(names):
                yield {name: bound[name] for name in self.parameters if name in bound}
            else:
                stack.append(options(depth + 1))


def _shuffled(domain: Domain, rng: random.Random, most: int = 1_000) -> Sequence[Scalar]:
    values = domain.values()
    if values is None:
        return [domain.sample(rng) for _ in range(most)]
    return rng.sample(values, min(most, len(values)))
