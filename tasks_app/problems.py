"""What is wrong with something a user wrote, in a form every boundary can show."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Problem:
    """One thing to mend, or to know.

    `path` names the place as `optimization.max_iterations` or `parameters.tp-size[1]`
    (empty: the document as a whole), `suggestion` what would be right.
    """

    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{where}{self.message}{hint}"

    def to_data(self) -> dict[str, str]:
        return {"path": self.path, "message": self.message, "suggestion": self.suggestion}


class SpecError(Exception):
    """A task, or a file that should hold one, cannot be used; `problems` says why, all at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("a SpecError needs at least one problem")
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, or None.

    Dashes, underscores and capitals do not count as differences.
    """
    return _nearest_name(name, frozenset(known))


# The same names are looked for again with every key stroke in a form.
@lru_cache(maxsize=2048)
def _nearest_name(name: str, known: frozenset[str]) -> str | None:
    by_normal = {_normal(candidate): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(_normal(name), by_normal, n=1, cutoff=0.6)
    return by_normal[close[0]] if close else None


def _normal(name: str) -> str:
    return name.strip().lstrip("-").replace("_", "-").casefold()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?`, or the known names where none is near (at most 20 of them)."""
    candidates = sorted(known)
    near = nearest_name(name, candidates)
    if near is not None:
        return f"did you mean {near!r}?"
    if not candidates:
        return ""
    listed = ", ".join(candidates[:20]) + (", …" if len(candidates) > 20 else "")
    return f"known: {listed}"
