"""Prompts kept once by their hash, in the form that the load client reads (`files`)."""

import fcntl
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.files import ANSWERS, PROMPTS, hash_of
from tasks_app.datasets.lines import elements_of
from tasks_app.datasets.reading import Row

MOST_ROWS = 200_000
LONGEST_PROMPT = 1_000_000
_CHECK_EVERY = 500


@dataclass(frozen=True)
class Stored:
    """`left_out`: why, and how many rows."""

    sha256: str
    rows: int
    answers: int
    size_bytes: int
    left_out: dict[str, int]
    prompt_lengths: list[int]
    answer_lengths: list[int]


def store(
    rows: Iterable[Row],
    made: Path,
    root: Path,
    *,
    keep: Callable[[Stored], None],
    check: Callable[[], None] = lambda: None,
) -> Stored:
    """Write them below `root`, by way of the folder `made`. `keep` notes who needs them, before
    anybody else may remove them. Raises DatasetError where no row can be used."""
    made.mkdir(parents=True, exist_ok=True)
    lengths: tuple[list[int], list[int]] = ([], [])
    left_out: Counter[str] = Counter()
    with (made / PROMPTS).open("wb") as prompts, (made / ANSWERS).open("wb") as answers:
        for number, row in enumerate(rows):
            if not number % _CHECK_EVERY:
                check()
            if why := _why_not(row, len(lengths[0])):
                left_out[why] += 1
                continue
            answer = row.answer if _is_text(row.answer) and row.answer.strip() else None
            prompts.write(_separated(row.prompt, first=not lengths[0]))
            answers.write(_separated(answer, first=not lengths[0]))
            lengths[0].append(len(row.prompt))
            if answer is not None:
                lengths[1].append(len(answer))
        for file in (prompts, answers):
            file.write(b"\n]\n")
    if not lengths[0]:
        told = ", ".join(f"{count} {why}" for why, count in left_out.items())
        raise DatasetError(f"No row can be used as a prompt{f': {told}' if told else ''}.")
    if not lengths[1]:
        (made / ANSWERS).unlink()
    digest = hash_of(made)
    size_bytes = sum(file.stat().st_size for file in made.iterdir())
    stored = Stored(digest, len(lengths[0]), len(lengths[1]), size_bytes, dict(left_out), *lengths)
    with locked(root):
        if (root / digest).exists() and hash_of(root / digest) == digest:
            shutil.rmtree(made)
        else:
            shutil.rmtree(root / digest, ignore_errors=True)  # spoilt: these mend it
            made.rename(root / digest)
        keep(stored)
    return stored


def _why_not(row: Row, known: int) -> str:
    if known >= MOST_ROWS:
        return f"beyond the first {MOST_ROWS:,}"
    if row.prompt is None or row.prompt == "":
        return "without a prompt"
    if not _is_text(row.prompt):
        return "whose prompt is no text"
    if not row.prompt.strip():
        return "without a prompt"
    return "longer than a million characters" if len(row.prompt) > LONGEST_PROMPT else ""


def _is_text(value: Any) -> bool:
    """A JSON text may hold half a character, which no server can be sent."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _separated(value: str | None, *, first: bool) -> bytes:
    return (b"[\n" if first else b",\n") + json.dumps(value, ensure_ascii=False).encode()


def first_rows(folder: Path, count: int) -> list[tuple[str, str | None]]:
    """Prompt and answer of each. Raises DatasetError and OSError where it is gone or broken."""
    prompts = [text for _, text in islice(elements_of(folder / PROMPTS), count)]
    answers: list[str | None] = [None] * len(prompts)
    if (folder / ANSWERS).exists():
        answers = [text for _, text in islice(elements_of(folder / ANSWERS), count)]
    return list(zip(prompts, answers, strict=True))


def forget(root: Path, sha256: str, is_needed: Callable[[], bool]) -> None:
    """Remove the files unless somebody else needs them, which is asked while nobody stores."""
    with locked(root):
        if sha256 and not is_needed():
            shutil.rmtree(root / sha256, ignore_errors=True)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Nobody else adds files or removes them in the block."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
