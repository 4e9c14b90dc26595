"""Random configurations, seeded, none twice."""

import random
from collections.abc import Iterator, Sequence

from tasks_app.space import Configuration, SearchSpace
from tasks_app.strategies import reasons
from tasks_app.strategies.base import Proposal, Search, Trial, propose_first, tried


def propose(space: SearchSpace, history: Sequence[Trial], search: Search) -> Proposal | None:
    seen = tried(space, history)
    rng = step_rng(search.seed, seen)
    return propose_first(draws(space, search.seed), space, seen, rng, reasons.RANDOM_DRAW)


def draws(space: SearchSpace, seed: int) -> Iterator[Configuration | None]:
    """The seed's endless sequence of draws; None where one breaks a constraint.

    It always starts from its beginning: what was tried is passed over, so that the order of the
    experiments does not depend on when each of them ended.
    """
    rng = random.Random(seed)  # noqa: S311
    while True:
        drawn = {name: domain.sample(rng) for name, domain in space.parameters.items()}
        yield space.configuration_of(drawn)


def step_rng(seed: int, seen: set[object]) -> random.Random:
    """Random numbers for one step of a run."""
    return random.Random(f"{seed}/{len(seen)}")  # noqa: S311
