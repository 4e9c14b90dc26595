"""What a search strategy is: a pure function from what was tried to what to try next."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    objective in its own unit and only there for a feasible success. `bound` is what a pruned
    one could have scored at best, where that is known. `number` is the experiment's, for reasons
    that name it. `scores`: the values of several objectives, by name, of a feasible success.
    """

    parameters: Mapping[str, Scalar]
    status: TrialStatus
    feasible: bool | None = None
    score: float | None = None
    bound: float | None = None
    number: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """What to try next, and why, in a few words that are true of how it was chosen."""

    configuration: Configuration
    reason: str


@dataclass(frozen=True)
class PastTask:
    """What became of another task; `facts` say under which circumstances."""

    facts: Mapping[str, Scalar]
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Memory:
    """The circumstances of the task that is searched now, and comparable tasks before it.

    Only tasks with the same objective belong here. `facts` are what results depend on besides
    the parameters: "model", "gpu", "runtime" (names), "input_tokens" and "output_tokens" (of the
    traffic). What is not known is left out or None.
    """

    facts: Mapping[str, Scalar] = field(default_factory=dict)
    tasks: tuple[PastTask, ...] = ()


NO_MEMORY = Memory()


@dataclass(frozen=True)
class Search:
    """What holds for the whole search of a run, besides its space.

    `budget`: experiments of the run, the baseline not counted. `memory`: what may be learned from
    other tasks; most strategies have no use for it.
    """

    seed: int
    maximise: bool
    budget: int
    memory: Memory = NO_MEMORY


class Strategy(Protocol):
    def propose(
        self, space: SearchSpace, history: Sequence[Trial], search: Search
    ) -> Proposal | None:
        """The next configuration to try and why; None when the space is spent.

        `history` holds every trial of the run, whatever became of it, those under way
        included; none of their configurations is proposed again. The same arguments always give
        the same answer.
        """
        ...


def tried(space: SearchSpace, history: Sequence[Trial]) -> set[object]:
    """Keys of the configurations of `space` in `history`; others, as the baseline, are no part."""
    parts = (space.restrict(trial.parameters) for trial in history)
    return {configuration_key(part) for part in parts if part is not None}


def untried(space: SearchSpace, seen: set[object], *, most: int) -> list[Configuration]:
    """The first `most` configurations of a finite space that were not tried; of an infinite one
    none."""
    if not space.is_finite:
        return []
    listed = space.configurations(max_steps=LISTING_STEPS)
    return list(islice((c for c in listed if configuration_key(c) not in seen), most))


def propose_first(
    draws: Iterator[Configuration | None],
    space: SearchSpace,
    seen: set[object],
    rng: random.Random,
    reason: str,
) -> Proposal | None:
    """Of `draws`, as `_first_untried` has it; None when the space is spent."""
    found = _first_untried(draws, space, seen, rng)
    return None if found is None else Proposal(found, reason)


def _first_untried(
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
        left = untried(space, seen, most=MOST_LISTED)
        if left or (space.size_bound() or 0) <= LISTING_STEPS // 2:
            return rng.choice(left) if left else None
    found = space.sample(rng)
    return found if found is not None and configuration_key(found) not in seen else None
