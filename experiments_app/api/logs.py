"""A log a part at a time, by the byte, so that it can be followed."""

from pathlib import Path
from typing import Any

from ninja import Schema
from pydantic import Field

from experiments_app import logs

MAX_BYTES = logs.PART_BYTES


class LogQuery(Schema):
    offset: int = Field(0, ge=0, le=10**15, description="The byte from which to read.")
    limit: int = Field(MAX_BYTES, ge=1024, le=MAX_BYTES, description="Bytes at most.")


def log_part(path: Path, asked: LogQuery, *, is_over: bool) -> dict[str, Any]:
    """`is_over`: nothing is added to it any more. Until then only whole lines are given."""
    part = logs.read(path, asked.offset, asked.limit)
    content = part.content
    is_whole = part.end >= logs.size(path)
    if not is_over:
        content = content[: content.rfind(b"\n") + 1] or (b"" if is_whole else content)
    return {
        "text": content.decode("utf-8", errors="replace"),
        "offset": part.start,
        "next_offset": part.start + len(content),
        "finished": is_over and is_whole,
    }
