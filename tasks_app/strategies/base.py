"""What a search strategy is: a pure function from what was tried to what to try next."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

from tasks_app.space import Configuration, Scalar, SearchSpace, configuration_key

TrialStatus = Literal["success", "failed", "pruned", "cancelled", "running"]

MOST_FORBIDDEN = 5_000
"""Draws that break a constraint before the space is searched in order."""
MOST_LISTED = 2_000
LISTING_STEPS = 100_000


@dataclass(frozen=True)
class Trial:
    """One experiment of the run so far.

    `parameters` may hold more than the searched flags (the fixed ones). `score` is the
    objective in its own unit and only there for a feasible success.
    """

    parameters: Mapping[str, Scalar]
    status: TrialStatus
    feasible: bool | None = None
    score: float | None = None


class Strategy(Protocol):
    def propose(
        self,
        space: SearchSpace,
        history: Sequence[Trial],
        *,
        seed: int,
        maximise: bool,
        budget: int,
    ) -> Configuration | None:
        """The next configuration to try; None when the space is spent.

        `history` holds every trial of the run, whatever became of it, those under way
        included; none of their configurations is proposed again. `budget` is the number of
        experiments of the whole run, the baseline not counted. The same arguments always give
        the same answer.
        """
        ...


def tried(space: SearchSpace, history: Sequence[Trial]) -> set[object]:
    """Keys of the configurations of `space` in `history`; others, as the baseline, are no part."""
    parts = (space.restrict(trial.parameters) for trial in history)
    return {configuration_key(part) for part in parts if part is not None}


def first_untried(
    draws: Iterator[Configuration | None],
    space: SearchSpace,
    seen: set[object],
    rng: random.Random,
) -> Configuration | None:
    """The first of `draws` (None: a draw that breaks a constraint) that was not tried.

    Where the draws bring nothing new for long, a finite space is listed and one of what is
    left of it is taken; None when nothing is left.
    """
    forbidden = known = 0
    for drawn in draws:
        if drawn is None:
            forbidden += 1
        elif configuration_key(drawn) in seen:
            known += 1
        else:
            return drawn
        if forbidden > MOST_FORBIDDEN or known > 200 + 4 * len(seen):
            break
    if space.is_finite:
        listed = space.configurations(max_steps=LISTING_STEPS)
        left = list(islice((c for c in listed if configuration_key(c) not in seen), MOST_LISTED))
        if left or (space.size_bound() or 0) <= LISTING_STEPS // 2:
            return rng.choice(left) if left else None
    found = space.sample(rng)
    return found if found is not None and configuration_key(found) not in seen else None
