"""A Gaussian process that averages over its settings, knows what flags do in general, keeps away
from what crashes, and learns from other tasks.

The next configuration is the candidate whose improvement over the best so far is likeliest and
largest, times the probability that it is feasible. Before the first result it is the one that known
trends and past tasks speak for, else the one in the middle of the space.
"""

from collections.abc import Sequence

from tasks_app.space import SearchSpace
from tasks_app.strategies import explaining, random_search, reasons
from tasks_app.strategies.base import Memory, Proposal, Trial, first_untried, tried
from tasks_app.strategies.candidates import candidates
from tasks_app.strategies.weighing import Weighing


def propose(
    space: SearchSpace,
    history: Sequence[Trial],
    *,
    seed: int,
    maximise: bool,
    budget: int,
    memory: Memory | None = None,
) -> Proposal | None:
    seen = tried(space, history)
    rng = random_search.step_rng(seed, seen)
    own = [trial for trial in history if space.restrict(trial.parameters) is not None]
    left = candidates(space, own, seen, rng, maximise=maximise)
    if not left:
        drawn = first_untried(random_search.draws(space, seed), space, seen, rng)
        return None if drawn is None else Proposal(drawn, reasons.RANDOM_DRAW)
    if len(left) == 1:
        return Proposal(left[0], reasons.LAST_ONE)
    seeds = (rng.getrandbits(32), rng.getrandbits(32))
    weighing = Weighing(space, left, own, memory or Memory(), seeds, maximise)
    return Proposal(left[weighing.chosen], explaining.why(weighing))
