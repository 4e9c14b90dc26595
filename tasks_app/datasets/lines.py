"""The text of a file, a line or an element at a time, never more of it than is bounded."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tasks_app.datasets.errors import DatasetError

LONGEST_LINE_BYTES = 8 * 1024**2
_CHUNK = 1024**2
_BLANK = re.compile(r"[ \t\r\n]+")


def lines_of(path: Path, longest: int = LONGEST_LINE_BYTES) -> Iterator[tuple[int, str]]:
    """Number and text of each line, its end included. Raises DatasetError with the number."""
    with path.open("rb") as file:
        number = 0
        while data := file.readline(longest + 1):
            number += 1
            if len(data) > longest:
                raise DatasetError(
                    f"Line {number} is longer than {longest / 1024**2:g} MiB: a row is a line."
                )
            if number == 1:
                data = data.removeprefix(codecs.BOM_UTF8)
            try:
                yield number, data.decode()
            except UnicodeDecodeError as error:
                raise _not_utf8(number, error) from error


def elements_of(path: Path) -> Iterator[tuple[int, Any]]:
    """Line and value of each element of a JSON list, which is not read as a whole."""
    with path.open("rb") as file:
        yield from _Elements(file)


class _Elements:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._json = json.JSONDecoder()
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        self._expect("[")
        if self._next() == "]":
            return
        while True:
            self._next()
            line = self._line
            yield line, self._value()
            mark = self._next()
            if mark == "]":
                return
            self._expect(",")

    def _more(self) -> None:
        data = self._file.read(_CHUNK)
        self._ended = not data
        try:
            self._text = self._text[self._at :] + self._decode.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            before = self._text[self._at :].count("\n") + data.count(b"\n", 0, error.start)
            raise _not_utf8(self._line + before, error) from error
        self._at = 0

    def _next(self) -> str:
        """The next character that is not blank; it stays where it is."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            end = blank.end() if blank else self._at
            self._line += self._text.count("\n", self._at, end)
            self._at = end
            if end < len(self._text):
                return self._text[end]
            if self._ended:
                raise DatasetError(f"Line {self._line}: the list does not end; is it cut?")
            self._more()

    def _expect(self, mark: str) -> None:
        found = self._next()
        if found != mark:
            raise DatasetError(f"Line {self._line}: {mark!r} is missing before {found!r}.")
        self._at += 1

    def _value(self) -> Any:
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise DatasetError(f"Line {self._line}: it is nested too deeply.") from error
            except ValueError as error:
                length = len(self._text) - self._at
                if not self._ended and length <= LONGEST_LINE_BYTES:
                    self._more()
                    continue
                if length > LONGEST_LINE_BYTES and not self._ended:
                    limit = LONGEST_LINE_BYTES / 1024**2
                    told = f"an element is longer than {limit:g} MiB, or no JSON"
                else:
                    told = f"no JSON ({_reason(error)})"
                raise DatasetError(f"Line {self._line}: {told}.") from error
            self._line += self._text.count("\n", self._at, end)
            self._at = end
            return value


def json_of(number: int, line: str) -> Any:
    """Raises DatasetError."""
    try:
        return json.loads(line)
    except RecursionError as error:
        raise DatasetError(f"Line {number} is nested too deeply.") from error
    except ValueError as error:
        raise DatasetError(f"Line {number} is no JSON ({_reason(error)}).") from error


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return str(error)[:100]


def _not_utf8(number: int, error: UnicodeDecodeError) -> DatasetError:
    byte = error.object[error.start]
    return DatasetError(
        f"Line {number} is not UTF-8 (byte 0x{byte:02x}): save the file in this encoding."
    )
