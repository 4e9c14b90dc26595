"""One strategy on one table, from one seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from experiments_app.load_order import Level, Reading, decide
from experiments_app.replay.references import REFERENCES
from experiments_app.replay.table import Cell, Table
from tasks_app.strategies import NO_MEMORY, STRATEGIES, Memory, Search, Strategy, Trial

LearnFrom = Literal["others", "none"]
NAMES = (*STRATEGIES, *(name for name in REFERENCES if name not in STRATEGIES))
REGRET_AFTER = (3, 5, 10, 20)


DETERMINISTIC = ("grid_order",)
"""What comes out the same from every seed."""


@dataclass(frozen=True)
class Outcome:
    """`experiments` and `points` (levels measured) until the best found is within the tolerance
    of the table's best; None: the run ended before, after `spent_experiments`.

    `regret` is how far the best found is from it after so many experiments.
    """

    experiments: int | None
    points: int | None
    regret: Mapping[int, float]
    spent_experiments: int
    spent_points: int

    @property
    def counted_experiments(self) -> int:
        return self.spent_experiments + 1 if self.experiments is None else self.experiments

    @property
    def counted_points(self) -> int:
        return self.spent_points + 1 if self.points is None else self.points


def memory_for(table: Table, tables: Sequence[Table], learn_from: LearnFrom) -> Memory:
    """What a strategy may know besides the space: never the table itself."""
    others = [t for t in tables if t.name != table.name and t.objective == table.objective]
    tasks = tuple(other.as_past_task() for other in others) if learn_from == "others" else ()
    return Memory(table.facts, tasks)


def replay(
    table: Table,
    name: str,
    *,
    seed: int,
    budget: int | None = None,
    tolerance: float = 0.02,
    memory: Memory = NO_MEMORY,
) -> Outcome:
    """`budget` is the number of experiments; None: as many as the table has configurations."""
    strategy, thrifty = _strategy(name)
    budget = len(table.cells) if budget is None else budget
    search = Search(seed, table.maximise, budget, memory)
    trials: list[Trial] = []
    spent: list[int] = []
    regrets: list[float] = []
    best: float | None = None
    while len(trials) < budget and (not regrets or regrets[-1] > 0):
        proposed = strategy.propose(table.space, tuple(trials), search)
        if proposed is None:
            break
        cell = table.cell(proposed.configuration)
        trial, levels = (
            _measured_thriftily(table, cell, best) if thrifty else _measured(table, cell)
        )
        trials.append(trial)
        spent.append(levels)
        if trial.score is not None:
            best = trial.score if best is None else table.better(best, trial.score)
        regrets.append(table.regret(best))
    near = next((n for n, regret in enumerate(regrets, start=1) if regret <= tolerance), None)
    return Outcome(
        experiments=near,
        points=None if near is None else sum(spent[:near]),
        regret={count: regrets[min(count, len(regrets)) - 1] for count in REGRET_AFTER},
        spent_experiments=budget,
        spent_points=sum(spent),
    )


def _strategy(name: str) -> tuple[Strategy, bool]:
    """The strategy, and whether it leaves out the levels that cannot matter. "random" is the
    reference here: it differs from the site's own only in what it measures."""
    if name in REFERENCES:
        return REFERENCES[name], False
    return STRATEGIES[name], True


def _measured(table: Table, cell: Cell) -> tuple[Trial, int]:
    """What the experiment is told as, and how many levels were measured: all."""
    if cell.failed:
        return Trial(cell.configuration, "failed"), len(cell.readings)
    score = table.score(cell.readings)
    return Trial(cell.configuration, "success", score is not None, score), len(cell.readings)


def _measured_thriftily(table: Table, cell: Cell, to_beat: float | None) -> tuple[Trial, int]:
    """The same, measured only as long as it can matter."""
    if cell.failed:
        return _measured(table, cell)
    readings: dict[Level, Reading] = {}
    while True:
        decision = decide(table.objective, table.levels_of(cell), readings, to_beat)
        if decision.level is None:
            break
        readings[decision.level] = cell.readings[decision.level]
    score = table.score(readings)
    if decision.pruned and decision.bound is not None:
        return Trial(cell.configuration, "pruned", bound=decision.bound), len(readings)
    return Trial(cell.configuration, "success", score is not None, score), len(readings)
