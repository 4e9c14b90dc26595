"""From the trials of this task and of past ones to numbers that can be modelled."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

import numpy as np

from tasks_app.space import Scalar
from tasks_app.strategies.base import Memory, Trial
from tasks_app.strategies.encoding import Matrix
from tasks_app.strategies.gaussian import Values

THIS_TASK = 0
MOST_TRIALS = 100
"""Trials of a task that are modelled; of more, the best and an even choice of the others."""
MOST_PAST = 120
LEVEL = 3.0
BOUND_NOISE = 0.1
"""A pruned trial scored at most its bound: it is told as one such deviation worse, give or take as
much."""


@dataclass(frozen=True)
class Evidence:
    """Configurations with a value each, past tasks first; `tasks` numbers the task of each."""

    configurations: Sequence[Mapping[str, Scalar]]
    tasks: Sequence[int]
    values: Values

    @property
    def best(self) -> float | None:
        """The highest value of this task."""
        own = self.values.values[self.values.past :]
        return float(own.max()) if len(own) else None


def scores(history: Sequence[Trial], memory: Memory, *, maximise: bool) -> Evidence:
    """Logarithms of the scores, higher being better, each task's mean taken off.

    Scores that have no logarithm are scaled instead, and past tasks left out.
    """
    own = [t for t in history if _scored(t) or (t.status == "pruned" and t.bound is not None)]
    known = [t.score if _scored(t) else t.bound for t in own]
    numbers = [float(value) for value in known if value is not None]
    logarithmic = all(value > 0 for value in numbers)
    sign = 1 if maximise else -1
    rows: list[_Row] = []
    if logarithmic:
        for number, task in enumerate(memory.tasks, start=THIS_TASK + 1):
            past = [(t, t.score) for t in task.trials if _scored(t) and t.score is not None]
            if past and all(score > 0 for _, score in past):
                logs = [sign * math.log(score) for _, score in past]
                level = fmean(logs)
                rows += [
                    _Row(trial.parameters, number, log - level)
                    for (trial, _), log in zip(past, logs, strict=True)
                ]
    rows = _most_alike(rows, memory)
    own_rows = []
    spread = pstdev(numbers) or 1.0 if numbers else 1.0
    for trial, value in zip(own, numbers, strict=True):
        told = math.log(value) if logarithmic else 0.5 * value / spread
        if _scored(trial):
            own_rows.append(_Row(trial.parameters, THIS_TASK, sign * told))
        else:
            own_rows.append(
                _Row(trial.parameters, THIS_TASK, sign * told - BOUND_NOISE, BOUND_NOISE)
            )
    level = fmean(row.value for row in own_rows) if own_rows else 0.0
    own_rows = [_Row(r.parameters, r.task, r.value - level, r.noise) for r in _thinned(own_rows)]
    return _evidence([*rows, *own_rows], past=len(rows), level=LEVEL)


def feasibility(history: Sequence[Trial], memory: Memory) -> Evidence | None:
    """0 for what was feasible, `INFEASIBLE` for what was not or failed; None: all was feasible."""
    rows = [
        _Row(trial.parameters, number, value)
        for number, task in enumerate(memory.tasks, start=THIS_TASK + 1)
        for trial in task.trials
        if (value := _feasible(trial)) is not None
    ]
    rows = _most_alike(rows, memory)
    past = len(rows)
    own = [(t, v) for t in history if (v := _feasible(t)) is not None]
    rows += _thinned([_Row(trial.parameters, THIS_TASK, value) for trial, value in own])
    if all(row.value == 0 for row in rows):
        return None
    return _evidence(rows, past=past, level=0.3)


INFEASIBLE = -1.5


@dataclass(frozen=True)
class _Row:
    parameters: Mapping[str, Scalar]
    task: int
    value: float
    noise: float = 0.0


def _scored(trial: Trial) -> bool:
    return (
        trial.status == "success"
        and trial.feasible is not False
        and trial.score is not None
        and math.isfinite(trial.score)
    )


def _feasible(trial: Trial) -> float | None:
    if trial.status == "failed" or (trial.status == "success" and not _scored(trial)):
        return INFEASIBLE
    if trial.status == "pruned" and trial.feasible is False:
        return INFEASIBLE
    return 0.0 if _scored(trial) or trial.bound is not None else None


def _evidence(rows: Sequence[_Row], *, past: int, level: float) -> Evidence:
    values = np.array([row.value for row in rows], dtype=float)
    noise = np.array([row.noise for row in rows], dtype=float)
    return Evidence(
        [row.parameters for row in rows],
        [row.task for row in rows],
        Values(values, noise, past, level),
    )


def _thinned(rows: Sequence[_Row]) -> list[_Row]:
    if len(rows) <= MOST_TRIALS:
        return list(rows)
    ranked = sorted(rows, key=lambda row: -row.value)
    best, others = ranked[: MOST_TRIALS // 3], ranked[MOST_TRIALS // 3 :]
    places = MOST_TRIALS - len(best)
    return best + [others[index * len(others) // places] for index in range(places)]


def _most_alike(rows: Sequence[_Row], memory: Memory) -> list[_Row]:
    """Those of the tasks most like this one, as many as can be modelled."""
    if len(rows) <= MOST_PAST:
        return list(rows)
    near = likeness(memory)[THIS_TASK]
    kept = sorted(range(len(rows)), key=lambda index: -near[rows[index].task])[:MOST_PAST]
    return [rows[index] for index in sorted(kept)]


def likeness(memory: Memory) -> Matrix:
    """How alike every two tasks are, from 0 to 1, this one being the first."""
    facts = [memory.facts, *(task.facts for task in memory.tasks)]
    result = np.eye(len(facts))
    for row, left in enumerate(facts):
        for column in range(row):
            result[row, column] = result[column, row] = alike(left, facts[column])
    return result


UNLIKE = {"model": 0.5, "gpu": 0.7, "runtime": 0.5}
TOKEN_SCALE = 20.0


def alike(left: Mapping[str, Scalar], right: Mapping[str, Scalar]) -> float:
    """A product of a factor for every fact that differs; a model that is not known is taken for
    another one. Lengths count by their ratio."""
    result = 1.0
    for name, factor in UNLIKE.items():
        unknown = name == "model" and left.get(name) is None
        if unknown or left.get(name) != right.get(name):
            result *= factor
    for name in ("input_tokens", "output_tokens"):
        first, second = left.get(name), right.get(name)
        if isinstance(first, int | float) and isinstance(second, int | float) and first and second:
            result *= math.exp(-abs(math.log2(first / second)) / TOKEN_SCALE)
    return result
