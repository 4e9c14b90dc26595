"""The search space of a table: only the configurations that it holds."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tasks_app.space import Configuration, Scalar, SearchSpace, configuration_key


@dataclass(frozen=True)
class TableSpace(SearchSpace):
    """A space whose valid configurations are listed."""

    listed: tuple[Configuration, ...] = ()

    @property
    def is_finite(self) -> bool:
        return True

    def size_bound(self) -> int:
        return len(self.listed)

    def size(self) -> int:
        return len(self.listed)

    def holds(self, configuration: Mapping[str, Scalar]) -> bool:
        return configuration_key(configuration) in self._keys

    def allows(self, configuration: Mapping[str, Scalar]) -> bool:
        return self.holds(configuration)

    def configurations(self, max_steps: int | None = None) -> Iterator[Configuration]:
        return (dict(configuration) for configuration in self.listed[:max_steps])

    def sample(self, rng: random.Random) -> Configuration | None:
        return dict(rng.choice(self.listed)) if self.listed else None

    @cached_property
    def _keys(self) -> frozenset[object]:
        return frozenset(configuration_key(configuration) for configuration in self.listed)
