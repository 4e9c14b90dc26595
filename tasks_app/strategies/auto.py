"""Everything where the budget allows it, random samples where it does not."""

from collections.abc import Sequence

from tasks_app.space import Configuration, SearchSpace
from tasks_app.strategies import grid_search, random_search
from tasks_app.strategies.base import Strategy, Trial


def propose(
    space: SearchSpace, history: Sequence[Trial], *, seed: int, maximise: bool, budget: int
) -> Configuration | None:
    size = space.size()
    strategy: Strategy = grid_search if size is not None and size <= budget else random_search
    return strategy.propose(space, history, seed=seed, maximise=maximise, budget=budget)
