"""From a data file to prompts, and the answers that stand beside them where there are any."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.lines import elements_of, json_of, lines_of

MOST_COLUMNS = 1_000
LONGEST_CSV_LINE_BYTES = 1024**2
LOOKED_AT = 50
"""Rows of which the columns are told."""
PROMPT_NAMES = ("prompt", "question", "instruction", "input", "text", "query", "content")
ANSWER_NAMES = ("answer", "reply", "response", "completion", "output", "target", "label")
_TURNS = ("conversations", "conversation", "messages")
_ASKING = frozenset({"human", "user", "prompter"})
_ANSWERING = frozenset({"gpt", "assistant", "chatgpt", "bard", "bing", "model", "bot"})


class Format(StrEnum):
    TEXT = "text"
    CSV = "csv"
    JSONL = "jsonl"
    SHAREGPT = "sharegpt"

    @property
    def words(self) -> str:
        return {
            "text": "text, a prompt a line",
            "csv": "CSV",
            "jsonl": "JSON objects, one a line or in a list",
            "sharegpt": "conversations (ShareGPT)",
        }[self.value]


class Kind(StrEnum):
    """Which turns of a conversation are prompts."""

    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True)
class Look:
    """What a file seems to be. `columns`: names that hold text, in order, with a few of their
    values; none where there is nothing to choose."""

    format: Format
    columns: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def prompt_column(self) -> str:
        """The only one that it can be; "" where somebody must say."""
        return next(iter(self.columns)) if len(self.columns) == 1 else ""

    def guess(self, names: tuple[str, ...]) -> str:
        known = {name.casefold(): name for name in self.columns}
        return next((known[name] for name in names if name in known), "")


@dataclass(frozen=True)
class Row:
    """`prompt` and `answer` as they stand there: perhaps no text at all."""

    line: int
    prompt: Any
    answer: Any = None


def look_at(path: Path, name: str, given: Format | None = None) -> Look:
    """What the first rows tell. Raises DatasetError."""
    found = given or _told_by_content(path, name)
    if found is Format.CSV:
        rows = [row for _, row in islice(_csv_rows(path), LOOKED_AT)]
    elif found is Format.TEXT:
        return Look(found)
    else:
        items = [item for _, item in islice(_json_rows(path), LOOKED_AT)]
        if not items:
            raise DatasetError("There is no row in the file.")
        if given is None and all(_turns_of(item) is not None for item in items):
            return Look(Format.SHAREGPT)
        if found is Format.SHAREGPT:
            return Look(found)
        rows = [item if isinstance(item, dict) else {"prompt": item} for item in items]
    return Look(found, _columns_of(rows))


def _columns_of(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for row in rows:
        for key, value in row.items():
            if isinstance(value, str) and value.strip() and isinstance(key, str):
                columns.setdefault(key, []).append(value)
    if not columns:
        raise DatasetError("No column of the file holds text.")
    return columns


def rows_of(
    path: Path, format_: Format, prompt: str = "", answer: str = "", turns: Kind = Kind.FIRST
) -> Iterator[Row]:
    """Every row. `prompt`, `answer`: columns, of CSV and JSON. Raises DatasetError."""
    if format_ is Format.TEXT:
        for line, text in lines_of(path):
            if "\0" in text:
                raise _binary(line)
            yield Row(line, text.rstrip("\r\n"))
    elif format_ is Format.SHAREGPT:
        for line, item in _json_rows(path):
            found = _turns_of(item)
            if found is None:
                raise DatasetError(f"Line {line} is no conversation: none of {', '.join(_TURNS)}.")
            pairs = list(_pairs(line, found))
            yield from pairs[: 1 if turns is Kind.FIRST else None] or [Row(line, None)]
    else:
        rows = _csv_rows(path) if format_ is Format.CSV else _json_rows(path)
        is_known = False
        for line, row in rows:
            values = row if isinstance(row, dict) else {"prompt": row}
            if not is_known and format_ is Format.CSV:
                _require(values, prompt, answer)
                is_known = True
            yield Row(line, values.get(prompt), values.get(answer) if answer else None)


def _require(row: Mapping[str, Any], *names: str) -> None:
    for name in filter(None, names):
        if name not in row:
            known = ", ".join(list(row)[:20])
            raise DatasetError(f"There is no column {name!r}; there are {known}.")


# What it is


def _told_by_content(path: Path, name: str) -> Format:
    with path.open("rb") as file:
        head = file.read(4_096)
    if head.startswith((b"PAR1", b"ARROW1")):
        raise DatasetError("Parquet and Arrow are not read: write the rows as JSON lines or CSV.")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise DatasetError("There is nothing in the file.")
    if b"\0" in head:
        raise _binary(1)
    if text[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise DatasetError("This is a web page: name the address of the file itself.")
    suffix = name.lower().rpartition(".")[2]
    if suffix in {"csv", "tsv"}:
        return Format.CSV
    if suffix != "txt" and text[:1] in b"[{":
        return Format.JSONL
    if suffix in {"json", "jsonl", "ndjson"}:
        raise DatasetError("Line 1 is no JSON: rows are objects, one a line or in a list.")
    return Format.TEXT


def _binary(line: int) -> DatasetError:
    return DatasetError(
        f"Line {line} is no text. Text, CSV and JSON are read, also in .gz, .zip and .tar.gz."
    )


# CSV


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = lines_of(path, LONGEST_CSV_LINE_BYTES)
    first = next(lines, None)
    if first is None:
        raise DatasetError("There is nothing in the file.")
    header = first[1]
    delimiter = max(",\t;", key=header.count)

    def texts() -> Iterator[str]:
        yield header
        for _, text in lines:
            yield text

    reader = csv.reader(texts(), delimiter=delimiter, strict=True)
    try:
        names = _header(next(reader))
        while True:
            line = reader.line_num + 1
            row = next(reader, None)
            if row is None:
                return
            if not row:
                continue
            if len(row) > len(names):
                raise DatasetError(
                    f"Line {line} has {len(row)} fields and the first line names {len(names)}"
                    " columns: text with separators or line ends stands in quotes."
                )
            yield line, dict(zip(names, row, strict=False))
    except csv.Error as error:
        raise DatasetError(f"Line {reader.line_num}: {error}.") from error


def _header(names: list[str]) -> list[str]:
    if len(names) > MOST_COLUMNS:
        raise DatasetError(f"Line 1 names {len(names)} columns; {MOST_COLUMNS} are the most.")
    shown = [name.strip().replace("\0", "") or f"column {at}" for at, name in enumerate(names, 1)]
    doubled = next((name for name in shown if shown.count(name) > 1), "")
    if doubled:
        raise DatasetError(f"Line 1 names the column {doubled[:80]!r} twice.")
    return shown


# JSON


def _json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        head = file.read(4_096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"["):
        rows = elements_of(path)
    else:
        rows = ((line, json_of(line, text)) for line, text in lines_of(path) if text.strip())
    for line, value in rows:
        if not isinstance(value, dict | str | list):
            raise DatasetError(f"Line {line} is no object: {str(value)[:40]}.")
        if isinstance(value, dict) and len(value) > MOST_COLUMNS:
            raise DatasetError(f"Line {line} has {len(value)} keys; {MOST_COLUMNS} are the most.")
        yield line, value


def _turns_of(item: Any) -> list[Any] | None:
    if isinstance(item, dict):
        item = next((item[key] for key in _TURNS if isinstance(item.get(key), list)), None)
    return item if isinstance(item, list) else None


def _pairs(line: int, turns: list[Any]) -> Iterator[Row]:
    """Each turn of a human with the answer to it, without what was said before."""
    asked: str | None = None
    for turn in turns:
        who, said = _turn(turn)
        if who in _ASKING:
            if asked is not None:
                yield Row(line, asked)
            asked = said
        elif who in _ANSWERING and asked is not None:
            yield Row(line, asked, said)
            asked = None
    if asked is not None:
        yield Row(line, asked)


def _turn(turn: Any) -> tuple[str, str]:
    if not isinstance(turn, dict):
        return "", ""
    who = turn.get("from") or turn.get("role") or ""
    said = turn.get("value") if "value" in turn else turn.get("content")
    if isinstance(said, list):  # parts, of which some are pictures
        texts = [one.get("text") for one in said if isinstance(one, dict)]
        said = "\n".join(text for text in texts if isinstance(text, str))
    return str(who).strip().lower(), said if isinstance(said, str) else ""
