"""What an experiment is measured at next, or that it is measured enough. Pure functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from experiments_app import load_order
from experiments_app.across import Across
from experiments_app.load_order import Decision, Level, Reading
from experiments_app.load_search import (
    FIRST,
    Found,
    Limits,
    found,
    next_concurrency,
    scenario_bound,
)


class LevelChoice(Protocol):
    def decide(
        self,
        readings: Mapping[Level, Reading],
        to_beat: float | None,
        fits: Callable[[Level], bool],
    ) -> Decision:
        """The next level after `readings`. `to_beat` is the score that is to be beaten, None where
        nothing is pruned. `fits` tells whether the time that is left is enough for a level."""
        ...


@dataclass(frozen=True)
class GivenLevels:
    """Those of the task, in its order as long as nothing is pruned.

    What can be pruned is measured in the order that tells soonest. If it turns out to be the best
    so far it is measured everywhere; if it does not, levels that cannot change its score are left
    out.
    """

    objective: str
    levels: Sequence[Level]
    across: Across

    def decide(
        self,
        readings: Mapping[Level, Reading],
        to_beat: float | None,
        fits: Callable[[Level], bool],
    ) -> Decision:
        if to_beat is not None:
            decision = load_order.decide(
                self.objective, self.levels, readings, to_beat, self.across
            )
            if decision.level is not None or decision.pruned:
                return decision
            if not self._is_better(decision.bound, to_beat):
                return decision
        left = (level for level in self.levels if level not in readings)
        return Decision(next((one for one in left if not _is_hopeless(one, readings)), None), None)

    def _is_better(self, score: float | None, to_beat: float) -> bool:
        if score is None:
            return False
        return score > to_beat if self.objective.startswith("maximize_") else score < to_beat


def _is_hopeless(level: Level, readings: Mapping[Level, Reading]) -> bool:
    """Whether nothing was answered under less load."""
    return any(
        reading.value is None
        and other.scenario == level.scenario
        and other.concurrency < level.concurrency
        for other, reading in readings.items()
    )


@dataclass(frozen=True)
class SearchedLevels:
    """For each scenario the highest concurrency that the configuration carries, one scenario after
    the other. `first` is where to begin, by scenario; pruned is what cannot be the best at any
    concurrency."""

    objective: str
    scenarios: Sequence[str]
    limits: Limits
    across: Across
    first: Mapping[str, int] = field(default_factory=dict)

    def decide(
        self,
        readings: Mapping[Level, Reading],
        to_beat: float | None,
        fits: Callable[[Level], bool],
    ) -> Decision:
        following = self._next(readings, fits)
        bounds = {
            scenario: scenario_bound(
                scenario, readings, self.limits, rising=self.objective == "maximize_throughput"
            )
            for scenario in self.scenarios
        }
        possible = {scenario: hope for scenario, hope in bounds.items() if hope is not None}
        bound = self.across(possible) if len(possible) == len(bounds) else None
        is_beaten = to_beat is not None and (bound is None or bound <= to_beat)
        if is_beaten and following is not None:
            return Decision(None, bound, pruned=True)
        return Decision(following, bound)

    def found(self, readings: Mapping[Level, Reading]) -> dict[str, Found]:
        """The answer for each scenario that was measured."""
        return {
            scenario: found(own, self.limits, self.first_of(scenario))
            for scenario in self.scenarios
            if (own := _of(scenario, readings))
        }

    def first_of(self, scenario: str) -> int:
        return min(self.first.get(scenario, FIRST), self.limits.highest)

    def _next(
        self, readings: Mapping[Level, Reading], fits: Callable[[Level], bool]
    ) -> Level | None:
        for scenario in self.scenarios:
            own = _of(scenario, readings)
            concurrency = next_concurrency(own, self.limits, self.first_of(scenario))
            if concurrency is not None and fits(Level(scenario, concurrency)):
                return Level(scenario, concurrency)
        return None


def _of(scenario: str, readings: Mapping[Level, Reading]) -> dict[int, Reading]:
    return {
        level.concurrency: reading
        for level, reading in readings.items()
        if level.scenario == scenario
    }
