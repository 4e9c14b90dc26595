"""Telling a slip of the pen in a flag's name from a name that is merely new to us.

A slip is refused, a new name is passed on. So only what can hardly be anything else counts as a
slip: `tp-size` and `pp-size`, `fp8-…` and `fp4-…`, `encode-…` and `decode-…` are different flags.
"""

from collections.abc import Iterable
from functools import lru_cache


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is a slip of, or None."""
    bare, by_length = _index(frozenset(known))
    if _bare(name) in bare:
        return bare[_bare(name)]
    words = name.casefold().split("-")
    for candidate, meant in by_length.get(len(words), ()):
        if _is_slip(words, meant):
            return candidate
    return None


@lru_cache(maxsize=32)
def _index(
    known: frozenset[str],
) -> tuple[dict[str, str], dict[int, list[tuple[str, list[str]]]]]:
    """Known names by their letters alone, and those of so many words, each with its words."""
    bare: dict[str, str] = {}
    by_length: dict[int, list[tuple[str, list[str]]]] = {}
    for candidate in sorted(known):
        bare.setdefault(_bare(candidate), candidate)
        words = candidate.casefold().split("-")
        by_length.setdefault(len(words), []).append((candidate, words))
    return bare, by_length


def _bare(name: str) -> str:
    return name.replace("-", "").replace("_", "").casefold()


def _is_slip(words: list[str], meant: list[str]) -> bool:
    """Whether exactly one word differs, by what a finger does."""
    if len(words) != len(meant):
        return False
    different = [pair for pair in zip(words, meant, strict=True) if pair[0] != pair[1]]
    return len(different) == 1 and _is_slip_of_word(*different[0])


def _is_slip_of_word(word: str, meant: str) -> bool:
    """One letter too many, too few or wrong, or two changed over; two of those in a long word.

    Another digit is another thing. In a short word only changed-over letters count, and an s or
    any other letter too many or too few where three are left.
    """
    if _digits(word) != _digits(meant):
        return False
    if sorted(word) == sorted(meant):
        return _distance(word, meant) == 1
    shorter, longer = sorted((len(word), len(meant)))
    if shorter < 3 or longer < 4:
        return False
    return _distance(word, meant) <= (2 if shorter >= 8 else 1)


def _digits(word: str) -> str:
    return "".join(letter for letter in word if letter.isdigit())


def _distance(word: str, meant: str) -> int:
    """Letters to insert, remove, replace or change over (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(word, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(meant, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == meant[j - 2] and word[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
