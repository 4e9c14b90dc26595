"""Many experiments in a small picture: taken together, or only some of them shown."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Sequence[T], most: int) -> list[Sequence[T]]:
    """`items` in their order in at most `most` groups of one size, the last perhaps smaller."""
    size = max(-(-len(items) // most), 1)
    return [items[start : start + size] for start in range(0, len(items), size)]


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most `most` of the items, spread over all of them, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    if most < 2:
        return list(items[:most])
    step = (len(items) - 1) / (most - 1)
    return [items[round(index * step)] for index in range(most)]
