"""The database of novitalabs/inference-autotuner, read only: its tasks as task documents."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

MAGIC = b"SQLite format 3\x00"
COLUMNS = (
    "task_name",
    "description",
    "deployment_mode",
    "base_runtime",
    "runtime_image_tag",
    "model_config",
    "parameters",
    "optimization_config",
    "benchmark_config",
    "slo_config",
    "quant_config",
    "parallel_config",
)


class LegacyDatabaseError(Exception):
    """The file is no such database; the message says what it lacks."""


def is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_documents(path: Path) -> Iterator[dict[str, Any]]:
    """Each stored task under its own keys, for `convert_legacy`. Raises LegacyDatabaseError."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            for row in database.execute("SELECT * FROM tasks ORDER BY id"):
                keys = [key for key in COLUMNS if key in row.keys() and row[key] is not None]  # noqa: SIM118
                yield {key: _decoded(key, row[key]) for key in keys}
    except sqlite3.DatabaseError as error:
        raise LegacyDatabaseError(f"{path} holds no tasks that can be read: {error}") from error


def _decoded(key: str, value: Any) -> Any:
    """JSON columns are stored as text."""
    if key.endswith("_config") or key == "parameters":
        return json.loads(value)
    return value
