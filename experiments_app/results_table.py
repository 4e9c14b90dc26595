"""The results of a run as one table: a row a load level, whatever file it is written into."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from django.db import models

from experiments_app import several
from experiments_app.metrics import LATENCIES, STATISTICS
from experiments_app.models import Experiment, Measurement
from experiments_app.results import MEASUREMENT_FIELDS, RunResults, measurement_data
from experiments_app.rows import reused_words
from tasks_app.expressions import Scalar

EXPERIMENT_FIELDS = (
    "number",
    "status",
    "feasible",
    "objective_score",
    "bound",
    "error_kind",
    "error",
    "reason",
)
REUSED_FROM = "reused_from"
INTERVALS = (
    *(f"{latency}_{statistic}_s" for latency in LATENCIES for statistic in STATISTICS),
    "output_tokens_per_s",
    "total_tokens_per_s",
    "requests_per_s",
    "good_requests_per_s",
    "error_rate",
)
ENDS = ("lower", "upper")
QUALITY_FIELDS = ("token_agreement", "exact_match", "logprob_distance")
MOST_INTEGER = 2**63 - 1


class Kind(StrEnum):
    """What the cells of a column are; all may be None."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TRUTH = "truth"


@dataclass(frozen=True)
class Column:
    """`unit` where the name does not say it all."""

    name: str
    kind: Kind = Kind.TEXT
    unit: str = ""


@dataclass(frozen=True)
class ResultsTable:
    """Columns and rows of a run; rows come as they are read. An experiment without measurements
    has a row, too: it says why there are none."""

    results: RunResults

    @cached_property
    def objectives(self) -> tuple[str, ...]:
        return tuple(self.results.spec.optimization.objectives or ())

    @cached_property
    def flags(self) -> tuple[str, ...]:
        experiments = self.results.experiments
        return tuple(sorted({name for experiment in experiments for name in experiment.parameters}))

    @cached_property
    def flag_kinds(self) -> Mapping[str, Kind]:
        experiments = self.results.experiments
        return {flag: kind_of(e.parameters.get(flag) for e in experiments) for flag in self.flags}

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """A flag keeps its own name, where no other column has it: else `parameters.<flag>`."""
        before = [
            Column("task"),
            Column("run", Kind.INTEGER),
            *(_of_field(Experiment, name) for name in EXPERIMENT_FIELDS),
            Column(REUSED_FROM),
            *(Column(name, Kind.NUMBER) for name in QUALITY_FIELDS),
            *(
                Column(f"scores.{name}", Kind.NUMBER, several.unit_of(name))
                for name in self.objectives
            ),
        ]
        after = [
            *(_of_field(Measurement, name) for name in MEASUREMENT_FIELDS),
            Column("steadiness"),
            Column("steadiness_change", Kind.NUMBER),
            *(Column(f"{name}_{end}", Kind.NUMBER) for name in INTERVALS for end in ENDS),
        ]
        taken = {column.name for column in (*before, *after)}
        flags = [
            Column(f"parameters.{flag}" if flag in taken else flag, self.flag_kinds[flag])
            for flag in self.flags
        ]
        return (*before, *flags, *after)

    def rows(self) -> Iterator[list[Any]]:
        for experiment in self.results.measured_experiments():
            head = self._head(experiment)
            for measurement in _measurements(experiment):
                yield head + _cells(measurement)

    def _head(self, experiment: Experiment) -> list[Any]:
        return [
            self.results.task.name,
            self.results.run,
            *(getattr(experiment, field) for field in EXPERIMENT_FIELDS),
            reused_words(experiment).removeprefix("reused from "),
            *(experiment.quality.get(name) for name in QUALITY_FIELDS),
            *(experiment.scores.get(name) for name in self.objectives),
            *(experiment.parameters.get(flag) for flag in self.flags),
        ]


def kind_of(values: Iterable[Scalar]) -> Kind:
    """The narrowest that holds them all."""
    known = [value for value in values if value is not None]
    if not known or any(isinstance(value, str) for value in known):
        return Kind.TEXT
    if all(isinstance(value, bool) for value in known):
        return Kind.TRUTH
    if any(isinstance(value, bool) for value in known):
        return Kind.TEXT
    if any(isinstance(value, float) for value in known):
        return Kind.NUMBER
    return Kind.INTEGER if all(abs(int(v)) <= MOST_INTEGER for v in known) else Kind.TEXT


def _of_field(model: type[models.Model], name: str) -> Column:
    match model._meta.get_field(name):
        case models.BooleanField():
            return Column(name, Kind.TRUTH)
        case models.FloatField():
            return Column(name, Kind.NUMBER)
        case models.IntegerField():
            return Column(name, Kind.INTEGER)
        case _:
            return Column(name)


def _measurements(experiment: Experiment) -> Sequence[Mapping[str, Any]]:
    return [measurement_data(m) for m in experiment.measurements.all()] or [{}]


def _cells(measurement: Mapping[str, Any]) -> list[Any]:
    """The columns, then how steady the level was, then the ends of the intervals."""
    steadiness = measurement.get("conditions", {}).get("steadiness", {})
    intervals = measurement.get("intervals", {})
    cells = dict(measurement)
    if measurement:
        cells["conditions"] = json.dumps(measurement["conditions"], ensure_ascii=False)
    return [
        *(cells.get(name) for name in MEASUREMENT_FIELDS),
        steadiness.get("verdict"),
        steadiness.get("change"),
        *(end for name in INTERVALS for end in intervals.get(name, (None, None))),
    ]
