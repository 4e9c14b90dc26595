"""The results of a run as a file: CSV, a row a load level, or JSON; both come piece by piece."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from experiments_app import task_log
from experiments_app.results import RunResults, experiment_data
from experiments_app.results_table import ResultsTable

# A spreadsheet takes a text that starts with one of these for a formula, and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """The file that csv writes to: it hands each line on."""

    def write(self, text: str) -> str:
        return text


def csv_lines(results: RunResults) -> Iterator[str]:
    """The header, then a line for each experiment and load level."""
    table = ResultsTable(results)
    writer = csv.writer(_Line())
    yield _written(writer, [column.name for column in table.columns])
    for row in table.rows():
        yield _written(writer, row)


def json_parts(results: RunResults) -> Iterator[str]:
    """`RunResults.to_data()` as JSON."""
    head = _json(results.summary_data()).removesuffix("\n}")
    yield f'{head},\n  "experiments": ['
    comma = ""
    for experiment in results.measured_experiments():
        yield f"{comma}\n{_indented(_json(experiment_data(experiment)))}"
        comma = ","
    yield f'\n  ],\n  "log": {_json(str(task_log.path_of(results.task.pk)))}\n}}\n'


def _written(writer: Any, cells: list[Any]) -> str:
    return str(writer.writerow([_safe(cell) for cell in cells]))


def _safe(cell: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
