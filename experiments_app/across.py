"""How a figure of each traffic scenario becomes one figure of all. Pure functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Across:
    """One figure (rates per device, latencies in seconds) over scenarios.

    Called with the figure of each scenario it gives their mean, weighted by `weights` (1 where a
    scenario has none). With a `reference`, what the default reached in each scenario, it gives the
    worst case instead: of the ratios to the reference, which have no scale, the worst, times the
    mean of the reference. So the figure keeps its unit, the default keeps its mean, and the gain
    over the default is the gain in the worst scenario.

    Never worse where a figure is better: a bound on each scenario gives a bound on all.
    """

    mean: Literal["geometric", "arithmetic"]
    maximise: bool
    weights: Mapping[str, float] = field(default_factory=dict)
    reference: Mapping[str, float] | None = None

    def __call__(self, values: Mapping[str, float]) -> float:
        if self.reference is None:
            return self._mean(values)
        ratios = [value / self.reference[scenario] for scenario, value in values.items()]
        worst = min(ratios) if self.maximise else max(ratios)
        return worst * self._mean(self.reference)

    def _mean(self, values: Mapping[str, float]) -> float:
        weights = [self.weights.get(scenario, 1.0) for scenario in values]
        return weighted_mean(list(values.values()), weights, self.mean)


def weighted_mean(
    values: Sequence[float], weights: Sequence[float], mean: Literal["geometric", "arithmetic"]
) -> float:
    """The geometric mean of values among which is a 0 is 0."""
    total = math.fsum(weights)
    if mean == "arithmetic":
        return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / total
    if not all(values):
        return 0.0
    logs = math.fsum(w * math.log(v) for w, v in zip(weights, values, strict=True))
    return math.exp(logs / total)
