"""Notes on flags as people write them in a field: `threads: the machine has 8 cores`, a line each.

Not YAML, in which a reason could not hold a colon. An indented line goes on with the one above.
"""

import re
from collections.abc import Mapping
from typing import Any

from tasks_app.documents import DocumentError
from tasks_app.form.fields import Kind

_BEGINNING = re.compile(r"(?P<flag>[^\s:]+)\s*:(?P<note>.*)")


def read_notes(text: str) -> dict[str, str]:
    """Raises DocumentError for a line that says of no flag why."""
    lines: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        beginning = _BEGINNING.fullmatch(line)
        if line[:1].isspace() or not line:
            if current is not None:
                current.append(line.strip())
            elif line.strip():
                raise DocumentError("begin with the name of a flag and a colon", number)
        elif beginning is None:
            raise DocumentError("write a flag's name, a colon and the reason", number)
        elif beginning["flag"] in lines:
            raise DocumentError(f"{beginning['flag']!r} stands twice", number)
        else:
            current = lines[beginning["flag"]] = [beginning["note"].strip()]
    return {flag: "\n".join(parts).strip() for flag, parts in lines.items()}


def write_notes(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return "\n".join(
        f"{flag}: " + "\n  ".join(str(note).splitlines()) for flag, note in value.items()
    )


NOTES = Kind(read=read_notes, write=write_notes, rows=3)
