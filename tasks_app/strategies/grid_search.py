"""Every configuration, in an order that covers the whole space from the start.

A budget often ends before a grid does. So the grid is not walked line by line, which would try
every value of the last flag before the second value of the first, but along an additive
recurrence (the R_d sequence: Kronecker with the generalised golden ratio): whatever prefix is
measured, each flag's values have had nearly equal shares. A range without a step has no grid;
the sequence covers it evenly.
"""

from collections.abc import Iterator, Sequence

from tasks_app.space import Configuration, SearchSpace
from tasks_app.strategies import random_search, reasons
from tasks_app.strategies.base import Proposal, Search, Trial, propose_first, tried


def propose(space: SearchSpace, history: Sequence[Trial], search: Search) -> Proposal | None:
    seen = tried(space, history)
    rng = random_search.step_rng(0, seen)
    return propose_first(covering(space), space, seen, rng, reasons.NEXT_IN_GRID)


def covering(space: SearchSpace, shift: Sequence[float] = ()) -> Iterator[Configuration | None]:
    """Endless draws that cover the space evenly; None where a draw breaks a constraint.

    `shift` (one number in [0, 1) a flag) moves the whole sequence.
    """
    names = space.names
    start = list(shift) or [0.5] * len(names)
    steps = _recurrence(len(names))
    index = 0
    while True:
        drawn = {
            name: space.parameters[name].quantile((start[axis] + index * steps[axis]) % 1.0)
            for axis, name in enumerate(names)
        }
        yield space.configuration_of(drawn)
        index += 1


def _recurrence(dimensions: int) -> list[float]:
    """Powers of 1/φ_d, where φ_d is the root of x^(d+1) = x + 1 (M. Roberts, 2018)."""
    root = 2.0
    for _ in range(40):
        root = (1 + root) ** (1 / (dimensions + 1))
    return [root ** -(axis + 1) for axis in range(dimensions)]
