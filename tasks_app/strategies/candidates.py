"""The configurations that a model chooses among: all that are left where they can be listed."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from tasks_app.domains import Domain, Range
from tasks_app.space import Configuration, Scalar, SearchSpace, configuration_key
from tasks_app.strategies import random_search, reasons
from tasks_app.strategies.base import Proposal, Search, Trial, propose_first, tried, untried
from tasks_app.strategies.grid_search import covering

MOST_LISTED = 1_000
"""Spaces up to this size are listed, and up to this many candidates are weighed."""
DRAWN = 250
NEIGHBOURS_OF = 6


def candidates(
    space: SearchSpace,
    history: Sequence[Trial],
    seen: set[object],
    rng: random.Random,
    *,
    maximise: bool,
) -> list[Configuration]:
    """Untried configurations; of a large space some that cover it, and the neighbours of the
    best trials."""
    bound = space.size_bound()
    if bound is not None and bound <= MOST_LISTED:
        return untried(space, seen, most=MOST_LISTED)
    shift = [rng.random() for _ in space.names]
    drawn = islice(covering(space, shift), 4 * DRAWN)
    found: dict[object, Configuration] = {}
    near = _neighbours(space, _best(history, maximise=maximise), rng)
    for source, most in ((near, DRAWN), (drawn, DRAWN)):
        fresh = (c for c in source if c is not None)
        keyed = ((configuration_key(c), c) for c in fresh)
        found |= dict(islice(((k, c) for k, c in keyed if k not in seen), most))
    return list(found.values())


def choose_among(
    space: SearchSpace,
    history: Sequence[Trial],
    search: Search,
    choose: Callable[[Sequence[Trial], Sequence[Configuration], random.Random], Proposal],
) -> Proposal | None:
    """What `choose` takes, where there is a choice, of the candidates that it is given after the
    trials of the space."""
    seen = tried(space, history)
    rng = random_search.step_rng(search.seed, seen)
    own = [trial for trial in history if space.restrict(trial.parameters) is not None]
    left = candidates(space, own, seen, rng, maximise=search.maximise)
    if not left:
        draws = random_search.draws(space, search.seed)
        return propose_first(draws, space, seen, rng, reasons.RANDOM_DRAW)
    if len(left) == 1:
        return Proposal(left[0], reasons.LAST_ONE)
    return choose(own, left, rng)


def _best(history: Sequence[Trial], *, maximise: bool) -> list[Trial]:
    scored = [trial for trial in history if trial.score is not None]
    scored.sort(key=lambda trial: trial.score or 0.0, reverse=maximise)
    return scored[:NEIGHBOURS_OF]


def _neighbours(
    space: SearchSpace, trials: Sequence[Trial], rng: random.Random
) -> Iterator[Configuration]:
    """With one flag changed, or two, around each trial; what that makes active is drawn."""
    parts = [part for t in trials if (part := space.restrict(t.parameters)) is not None]
    for part in parts:
        unset = [name for name in space.names if name not in part]
        centre = part | {name: space.parameters[name].sample(rng) for name in unset}
        for name in space.names:
            for value in _near(space.parameters[name], centre[name], rng):
                neighbour = {**centre, name: value}
                if (near := space.configuration_of(neighbour)) is not None:
                    yield near
                second = rng.choice(space.names)
                other = _near(space.parameters[second], centre[second], rng)
                both = {**neighbour, second: rng.choice(other)}
                if (near := space.configuration_of(both)) is not None:
                    yield near


def _near(domain: Domain, value: Scalar, rng: random.Random) -> list[Scalar]:
    if isinstance(domain, Range) and isinstance(value, int | float):
        return [domain.quantile(_moved(domain, float(value), rng)) for _ in range(4)]
    return [domain.sample(rng) for _ in range(3)]


def _moved(domain: Range, value: float, rng: random.Random) -> float:
    """The place of `value` in the range, moved by about a twentieth of it."""
    position = (value - domain.low) / ((domain.high - domain.low) or 1)
    if domain.log:
        position = _log_place(domain, value)
    return min(0.999999, max(0.0, position + rng.gauss(0, 0.05)))


def _log_place(domain: Range, value: float) -> float:
    width = math.log(domain.high / domain.low)
    return math.log(value / domain.low) / width if width else 0.0
