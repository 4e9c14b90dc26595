"""A Gaussian process that averages over its settings, knows what flags do in general, keeps away
from what crashes, and learns from other tasks.

The next configuration is the candidate whose improvement over the best so far is likeliest and
largest, times the probability that it is feasible. Before the first result it is the one that known
trends and past tasks speak for, else the one in the middle of the space.
"""

import random
from collections.abc import Sequence

from tasks_app.space import Configuration, SearchSpace
from tasks_app.strategies import explaining
from tasks_app.strategies.base import Proposal, Search, Trial
from tasks_app.strategies.candidates import choose_among
from tasks_app.strategies.weighing import Weighing


def propose(space: SearchSpace, history: Sequence[Trial], search: Search) -> Proposal | None:
    def choose(own: Sequence[Trial], left: Sequence[Configuration], rng: random.Random) -> Proposal:
        seeds = (rng.getrandbits(32), rng.getrandbits(32))
        weighing = Weighing(space, left, own, search.memory, seeds, search.maximise)
        return Proposal(left[weighing.chosen], explaining.why(weighing))

    return choose_among(space, history, search, choose)
