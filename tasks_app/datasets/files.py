"""How a data set lies on the disk. The load client imports this too, under another Python.

`<sha256>/prompts.json` is a list of texts, `answers.json` beside it, where there are answers, one
of texts and nulls in the same order. The hash is that of both files' bytes.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

PROMPTS, ANSWERS = "prompts.json", "answers.json"


def hash_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (PROMPTS, ANSWERS):
        path = folder / name
        if path.exists():
            digest.update(f"{name} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while part := file.read(1024**2):
                    digest.update(part)
    return digest.hexdigest()


def texts_of(folder: Path) -> tuple[list[str], list[str | None]]:
    """All of both; no answers where there are none."""
    found: list[list[Any]] = []
    for name in (PROMPTS, ANSWERS):
        path = folder / name
        found.append(json.loads(path.read_bytes()) if path.exists() else [])
    return found[0], found[1]
