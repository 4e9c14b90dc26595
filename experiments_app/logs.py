"""Reading log files for pages: the end of one, what was added to one, all of one."""

import os
from dataclasses import dataclass
from pathlib import Path

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from autotuner_site.requests import whole_number

TAIL_BYTES = 64 * 1024
PART_BYTES = 256 * 1024


@dataclass(frozen=True)
class Part:
    """Bytes `start` to `end` of a log, always whole lines unless one is longer than a part."""

    content: bytes
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")


def size(path: Path) -> int:
    """In bytes; 0 for a log that does not exist (yet)."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def tail(path: Path, max_bytes: int = TAIL_BYTES) -> Part:
    """The last lines, at most `max_bytes` of them."""
    part = read(path, max(0, size(path) - max_bytes), max_bytes)
    if part.start == 0:
        return part
    cut = part.content.find(b"\n") + 1  # the first line is probably not whole
    return Part(part.content[cut:], part.start + cut, part.end)


def read(path: Path, start: int, max_bytes: int = PART_BYTES) -> Part:
    """What stands from byte `start` on; from the top where the log is shorter than that."""
    try:
        with path.open("rb") as log:
            if start > os.fstat(log.fileno()).st_size:
                start = 0
            log.seek(start)
            content = log.read(max_bytes)
    except OSError:
        return Part(b"", 0, 0)
    whole_lines = content.rfind(b"\n") + 1
    if len(content) == max_bytes and whole_lines:
        content = content[:whole_lines]
    return Part(content, start, start + len(content))


def respond(request: HttpRequest, path: Path, name: str) -> HttpResponseBase:
    """`?after=<byte>`: what was added since, or 204; otherwise the whole log, as a file to keep
    where `?download` is asked for."""
    after = whole_number(request.GET.get("after", ""))
    if after is not None:
        return _respond_part(read(path, after))
    try:
        log = path.open("rb")
    except OSError as error:
        raise Http404("There is no log yet.") from error
    return FileResponse(
        log,
        as_attachment="download" in request.GET,
        filename=name,
        content_type="text/plain; charset=utf-8",
    )


def _respond_part(part: Part) -> HttpResponse:
    if not part.content:
        return HttpResponse(status=204)
    return HttpResponse(
        part.content,
        content_type="text/plain; charset=utf-8",
        headers={"X-Log-Start": str(part.start), "X-Log-End": str(part.end)},
    )
