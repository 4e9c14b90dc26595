"""The results of a run as a file: CSV, a row a load level, or JSON; both come piece by piece."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from experiments_app import task_log
from experiments_app.metrics import LATENCIES, STATISTICS
from experiments_app.models import Experiment
from experiments_app.results import (
    MEASUREMENT_FIELDS,
    RunResults,
    experiment_data,
    measurement_data,
)
from experiments_app.rows import reused_words

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
STEADINESS_FIELDS = ("steadiness", "steadiness_change")
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
# A spreadsheet takes a text that starts with one of these for a formula, and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """The file that csv writes to: it hands each line on."""

    def write(self, text: str) -> str:
        return text


def csv_lines(results: RunResults) -> Iterator[str]:
    """The header, then a line for each experiment and load level.

    An experiment without measurements has a line, too: it says why there are none.
    """
    flags = sorted({name for experiment in results.experiments for name in experiment.parameters})
    writer = csv.writer(_Line())
    header = ["task", "run", *EXPERIMENT_FIELDS, REUSED_FROM, *QUALITY_FIELDS, *flags]
    header += [*MEASUREMENT_FIELDS, *STEADINESS_FIELDS]
    header += [f"{name}_{end}" for name in INTERVALS for end in ENDS]
    yield _written(writer, header)
    for experiment in results.measured_experiments():
        head = [results.task.name, results.run]
        head += [getattr(experiment, field) for field in EXPERIMENT_FIELDS]
        head.append(reused_words(experiment).removeprefix("reused from "))
        head += [experiment.quality.get(name) for name in QUALITY_FIELDS]
        head += [experiment.parameters.get(flag) for flag in flags]
        for measurement in _measurements(experiment):
            yield _written(writer, head + _cells(measurement))


def json_parts(results: RunResults) -> Iterator[str]:
    """`RunResults.to_data()` as JSON."""
    head = _json(results.summary_data()).removesuffix("\n}")
    yield f'{head},\n  "experiments": ['
    comma = ""
    for experiment in results.measured_experiments():
        yield f"{comma}\n{_indented(_json(experiment_data(experiment)))}"
        comma = ","
    yield f'\n  ],\n  "log": {_json(str(task_log.path_of(results.task.pk)))}\n}}\n'


def _measurements(experiment: Experiment) -> list[dict[str, Any]]:
    return [measurement_data(m) for m in experiment.measurements.all()] or [{}]


def _cells(measurement: dict[str, Any]) -> list[Any]:
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


def _written(writer: Any, cells: list[Any]) -> str:
    return str(writer.writerow([_safe(cell) for cell in cells]))


def _safe(cell: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
