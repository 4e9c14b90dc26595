"""The results of a run as Parquet: the table of the CSV with the types of its columns.

What the numbers are of stands in the file itself: the unit of a column in its field, task, run,
versions, hardware and the task file in the schema.
"""

import json
from collections.abc import Iterator
from typing import Any

from autotuner_site.templatetags.site import site_version
from experiments_app.results import RunResults
from experiments_app.results_table import Column, Kind, ResultsTable

ROWS_AT_ONCE = 1_000
"""Of a group in the file, and of what is held in memory."""
UNITS = {
    "_s": "s",
    "_tokens_per_s": "tokens/s",
    "requests_per_s": "requests/s",
    "cost_per_million_tokens": "per million output tokens",
    "joules_per_token": "J per output token",
}


class _Sink:
    """The file that pyarrow writes to: what came is taken on its way."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def parquet_parts(results: RunResults) -> Iterator[bytes]:
    """The file piece by piece: a run may have many load levels."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    table = ResultsTable(results)
    schema = pa.schema(
        [
            pa.field(column.name, _type(column.kind), metadata=_unit(column))
            for column in table.columns
        ],
        metadata=_about(results),
    )
    sink = _Sink()
    writer = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd")
    for rows in _groups(table):
        columns = zip(table.columns, zip(*rows, strict=True), strict=True)
        arrays = [
            pa.array([_cell(column.kind, cell) for cell in cells], type=_type(column.kind))
            for column, cells in columns
        ]
        writer.write_batch(pa.record_batch(arrays, schema=schema))
        yield sink.take()
    writer.close()
    yield sink.take()


def _groups(table: ResultsTable) -> Iterator[list[list[Any]]]:
    group: list[list[Any]] = []
    for row in table.rows():
        group.append(row)
        if len(group) == ROWS_AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _type(kind: Kind) -> Any:
    import pyarrow as pa

    types = {Kind.INTEGER: pa.int64(), Kind.NUMBER: pa.float64(), Kind.TRUTH: pa.bool_()}
    return types.get(kind, pa.string())


def _cell(kind: Kind, cell: Any) -> Any:
    """A text where numbers and texts share a column; nothing where there is none."""
    if kind is Kind.NUMBER:
        return None if cell is None else float(cell)
    if kind is not Kind.TEXT:
        return cell
    return (cell or None) if isinstance(cell, str | None) else json.dumps(cell)


def _unit(column: Column) -> dict[str, str] | None:
    name = column.name.removesuffix("_lower").removesuffix("_upper")
    known = [unit for ending, unit in UNITS.items() if name.endswith(ending)]
    unit = column.unit or (known[-1] if known and column.kind is Kind.NUMBER else "")
    return {"unit": unit} if unit else None


def _about(results: RunResults) -> dict[str, str]:
    """What the schema says of the whole; texts, where more than one line they are JSON."""
    summary = results.summary_data()
    told = {name: str(summary[name]) for name in ("task", "status", "objective", "site", "verdict")}
    whole = {name: summary[name] for name in ("spec", "facts", "provenance", "gain", "gain_ci95")}
    return {
        "autotuner": str(site_version()),
        "run": str(results.run),
        **told,
        **{name: json.dumps(data, ensure_ascii=False) for name, data in whole.items()},
    }
