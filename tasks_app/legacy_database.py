"""The database of novitalabs/inference-autotuner, read only: its tasks as task documents."""

import json
import sqlite3
import time
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
MAX_TASKS = 1_000
MAX_VALUE_BYTES = 4_000_000
TIME_LIMIT_S = 5.0
_STEPS_BETWEEN_LOOKS = 10_000


class LegacyDatabaseError(Exception):
    """The file is no such database; the message says what it lacks."""


def is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_documents(path: Path) -> Iterator[dict[str, Any]]:
    """Each stored task under its own keys, for `convert_legacy`. Raises LegacyDatabaseError.

    The file may be anybody's: a `tasks` that is a view may compute for ever, so there is a limit.
    """
    deadline = time.monotonic() + TIME_LIMIT_S
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
            database.row_factory = sqlite3.Row
            rows = database.execute(f"SELECT * FROM tasks ORDER BY id LIMIT {MAX_TASKS}")  # noqa: S608
            for row in rows:
                keys = [key for key in COLUMNS if key in row.keys() and row[key] is not None]  # noqa: SIM118
                yield {key: _decoded(key, row[key]) for key in keys}
    except sqlite3.DatabaseError as error:
        raise LegacyDatabaseError(f"holds no tasks that can be read: {error}") from error


def _decoded(key: str, value: Any) -> Any:
    """JSON columns are stored as text; what is none stays as it is, for the schema to name."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, str) and (key.endswith("_config") or key == "parameters"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
