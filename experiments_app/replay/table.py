"""A table: a small search space with what was measured at each of its configurations.

The format is described beside the tables (tests/data/replay/README.md).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments_app.load_order import Level, Reading
from experiments_app.objective import is_maximised
from experiments_app.replay.space import TableSpace
from tasks_app.domains import Choices, Domain, Range
from tasks_app.space import Configuration, Scalar, configuration_key
from tasks_app.spec_sections import DEFAULT_ERROR_RATE, Objective
from tasks_app.strategies import PastTask, Trial
from tasks_app.validation import problems_of

Measurement = dict[str, Any]


class TableError(Exception):
    """A file that should hold a table cannot be used; the message says why."""


class _ExperimentData(BaseModel):
    model_config = ConfigDict(extra="ignore")

    parameters: dict[str, Scalar]
    measurements: list[Measurement] = Field(default_factory=list)
    status: str = "success"


class _TableData(BaseModel):
    """The file's keys; any other may stand there too."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1)
    objective: Objective
    metric: str
    slo: dict[str, float] = Field(default_factory=dict)
    parameters: dict[str, list[Scalar] | dict[str, Any]] = Field(min_length=1)
    experiments: list[_ExperimentData] = Field(min_length=1)
    model: str = ""
    gpu: str = ""
    runtime: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Cell:
    """What was measured at one configuration. `failed`: the server did not come up."""

    configuration: Configuration
    readings: Mapping[Level, Reading]
    failed: bool = False


@dataclass(frozen=True)
class Table:
    name: str
    objective: str
    domains: Mapping[str, Domain]
    cells: tuple[Cell, ...]
    facts: Mapping[str, Scalar]

    @property
    def maximise(self) -> bool:
        return is_maximised(self.objective)

    @cached_property
    def space(self) -> TableSpace:
        return TableSpace(self.domains, listed=tuple(cell.configuration for cell in self.cells))

    @cached_property
    def levels(self) -> frozenset[Level]:
        """The levels that any configuration was measured at."""
        return frozenset(level for cell in self.cells for level in cell.readings)

    def cell(self, configuration: Mapping[str, Scalar]) -> Cell:
        return self._by_key[configuration_key(configuration)]

    @cached_property
    def _by_key(self) -> Mapping[object, Cell]:
        return {configuration_key(cell.configuration): cell for cell in self.cells}

    def levels_of(self, cell: Cell) -> tuple[Level, ...]:
        return tuple(sorted(cell.readings))

    def score(self, readings: Mapping[Level, Reading]) -> float | None:
        """The objective over what was measured; None: infeasible.

        Rates: per scenario the highest among the feasible levels, over scenarios the geometric
        mean. Latencies: the mean over the levels; one that is missing or breaks an SLO makes the
        configuration infeasible.
        """
        if not self.maximise:
            values = [reading.value for reading in readings.values() if reading.feasible]
            known = [value for value in values if value is not None]
            return fmean(known) if known and len(known) == len(self.levels) else None
        best = dict.fromkeys((level.scenario for level in self.levels), 0.0)
        for level, reading in readings.items():
            if reading.feasible and reading.value is not None:
                best[level.scenario] = max(best[level.scenario], reading.value)
        if not all(best.values()):
            return None
        return math.prod(best.values()) ** (1 / len(best))

    @cached_property
    def scores(self) -> tuple[float | None, ...]:
        """Of every cell, all its levels measured."""
        return tuple(None if c.failed else self.score(c.readings) for c in self.cells)

    @cached_property
    def best(self) -> float:
        """Raises TableError where nothing is feasible."""
        known = [score for score in self.scores if score is not None]
        if not known:
            raise TableError("no configuration is feasible: there is no best to find")
        return max(known) if self.maximise else min(known)

    def better(self, left: float, right: float) -> float:
        return max(left, right) if self.maximise else min(left, right)

    def regret(self, score: float | None) -> float:
        """How far a score is from the best, relative; 1 without one."""
        if score is None:
            return 1.0
        return max(0.0, 1 - score / self.best if self.maximise else score / self.best - 1)

    def as_past_task(self) -> PastTask:
        """What another task may learn from this one."""
        trials = tuple(
            Trial(cell.configuration, "failed")
            if cell.failed
            else Trial(cell.configuration, "success", score is not None, score)
            for cell, score in zip(self.cells, self.scores, strict=True)
        )
        return PastTask(self.facts, trials)


def load_table(path: Path) -> Table:
    """Raises TableError."""
    try:
        data = _TableData.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        problems = "; ".join(str(problem) for problem in problems_of(error, _TableData))
        raise TableError(f"{path} holds no table: {problems}") from error
    try:
        table = _table(data)
        _ = table.best
    except TableError as error:
        raise TableError(f"{path}: {error}") from error
    return table


def _table(data: _TableData) -> Table:
    names = list(data.parameters)
    for index, experiment in enumerate(data.experiments):
        if unknown := sorted(experiment.parameters.keys() - data.parameters.keys()):
            raise TableError(f"experiments[{index}] sets {unknown[0]}, which is no parameter")
    configurations = [{n: e.parameters.get(n) for n in names} for e in data.experiments]
    measured: dict[object, tuple[Configuration, list[Measurement], bool]] = {}
    for configuration, experiment in zip(configurations, data.experiments, strict=True):
        key = configuration_key(configuration)
        _, before, failed = measured.get(key, (configuration, [], False))
        failed = failed or experiment.status == "failed"
        measured[key] = (configuration, before + experiment.measurements, failed)
    domains = {
        name: _domain(name, given, [configuration[name] for configuration in configurations])
        for name, given in data.parameters.items()
    }
    cells = tuple(
        Cell(configuration, _readings(measurements, data), failed)
        for configuration, measurements, failed in measured.values()
    )
    facts = {
        "model": data.model or None,
        "gpu": data.gpu or None,
        "runtime": data.runtime or None,
        "input_tokens": data.input_tokens,
        "output_tokens": data.output_tokens,
    }
    return Table(data.name, data.objective, domains, cells, facts)


def _domain(name: str, given: list[Scalar] | dict[str, Any], used: Sequence[Scalar]) -> Domain:
    if isinstance(given, dict):
        try:
            domain = Range(**given)
        except TypeError as error:
            raise TableError(
                f"parameters.{name} is neither a list of values nor a range"
            ) from error
        if all(domain.contains(value) for value in used):
            return domain
        given = []
    values = {configuration_key({name: value}): value for value in [*given, *used]}
    return Choices(tuple(values.values()))


def _readings(measurements: Iterable[Measurement], data: _TableData) -> dict[Level, Reading]:
    """Several measurements of a level are repeats of it: their mean counts."""
    by_level: dict[Level, list[Measurement]] = {}
    for measurement in measurements:
        concurrency = measurement.get("concurrency")
        if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
            raise TableError("a measurement has no concurrency (a whole number from 1)")
        level = Level(str(measurement.get("scenario", "")), concurrency)
        by_level.setdefault(level, []).append(measurement)
    return {level: _reading(repeats, data) for level, repeats in by_level.items()}


def _reading(repeats: Sequence[Measurement], data: _TableData) -> Reading:
    value = _mean(repeats, data.metric)
    bounds = {"error_rate": DEFAULT_ERROR_RATE} | data.slo
    feasible = value is not None
    for name, bound in bounds.items():
        if name == "error_rate":
            feasible = feasible and _error_rate(repeats) <= bound
        else:
            measured = _mean(repeats, name)
            feasible = feasible and measured is not None and measured <= bound
    return Reading(value, feasible)


def _mean(repeats: Sequence[Measurement], name: str) -> float | None:
    values = [repeat.get(name) for repeat in repeats]
    known = [v for v in values if isinstance(v, int | float) and math.isfinite(v)]
    return fmean(known) if known else None


def _error_rate(repeats: Sequence[Measurement]) -> float:
    if (rate := _mean(repeats, "error_rate")) is not None:
        return rate
    errors, requests = _mean(repeats, "num_errors") or 0, _mean(repeats, "num_requests") or 0
    return errors / requests if requests else 0.0


def table_of(data: object) -> Table:
    """Raises TableError."""
    return _table(_TableData.model_validate(data))
