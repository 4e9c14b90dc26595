"""Searching a log file for the lines that hold a text."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

MAX_LINES = 1_000
MAX_SHOWN = 2_000
MAX_WANTED = 500


@dataclass(frozen=True)
class FoundLine:
    """A line cut at the first place where the text stands."""

    number: int
    before: str
    hit: str
    after: str


@dataclass(frozen=True)
class Found:
    """The last lines that hold `wanted`, of `total` that do."""

    wanted: str
    lines: tuple[FoundLine, ...]
    total: int
    lines_read: int


def show_search(request: HttpRequest, path: Path, title: str, *, back: str) -> HttpResponse:
    """The page of the lines that hold `?q=`."""
    try:
        found = search(path, request.GET.get("q", "").strip()[:MAX_WANTED])
    except OSError as error:
        raise Http404("There is no log yet.") from error
    context = {"section": "tasks", "found": found, "title": title, "back": back}
    return render(request, "experiments_app/log_search.html", context)


def search(path: Path, wanted: str) -> Found:
    """Line by line, however large the file is. Capitals do not matter. Raises OSError."""
    lowered = wanted.lower()
    last: deque[FoundLine] = deque(maxlen=MAX_LINES)
    total = number = 0
    with path.open(encoding="utf-8", errors="replace") as log:
        for number, line in enumerate(log, start=1):
            at = line.lower().find(lowered)
            if lowered and at >= 0:
                total += 1
                last.append(_cut(number, line.rstrip("\n"), at, len(wanted)))
    return Found(wanted, tuple(last), total, number)


def _cut(number: int, line: str, at: int, length: int) -> FoundLine:
    """Of a very long line what stands around the text."""
    start, end = max(0, at - MAX_SHOWN), at + length + MAX_SHOWN
    return FoundLine(number, line[start:at], line[at : at + length], line[at + length : end])
