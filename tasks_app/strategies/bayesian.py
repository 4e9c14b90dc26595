"""Tree-structured Parzen estimator (Optuna's TPE), told the whole history at every step.

A success with a score is a completed trial. What has no score is never given one: a failed,
infeasible or pruned trial is told as pruned, which TPE counts as worse than every scored one (so
that it keeps away from what crashes), and a cancelled one as failed, which TPE leaves out.
"""

import math
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from tasks_app.domains import Choices, Domain, same_value
from tasks_app.space import Configuration, Scalar, SearchSpace, configuration_key
from tasks_app.spec_sections import objective_is_maximised
from tasks_app.strategies import random_search, reasons
from tasks_app.strategies.base import Proposal, Search, Trial, propose_first, tried, untried
from tasks_app.strategies.grid_search import covering
from tasks_app.strategies.nearest import nearest

if TYPE_CHECKING:
    import optuna

ASKS = 12
"""Proposals of the model that may be known or forbidden before the nearest candidate is taken."""
MOST_MOVED = 2_000
"""Untried configurations among which the nearest is looked for."""


def propose(
    space: SearchSpace,
    history: Sequence[Trial],
    search: Search,
    objectives: Sequence[str] = (),
) -> Proposal | None:
    """`objectives`: several, by their names in a task file; their values are the trials' `scores`.
    Then what is likely on the front is proposed (multi-objective TPE)."""
    seen = tried(space, history)
    rng = random_search.step_rng(search.seed, seen)
    first_ones = startup_trials(search.budget)
    if len(seen) < first_ones:
        shift_rng = random.Random(search.seed)  # noqa: S311
        shift = [shift_rng.random() for _ in space.names]
        reason = reasons.start(len(seen) + 1, first_ones)
        return propose_first(covering(space, shift), space, seen, rng, reason)
    seed = rng.getrandbits(32)
    asked = asks(space, history, seed=seed, maximise=search.maximise, objectives=objectives)
    first = next(asked)
    for proposed in (first, *islice(asked, ASKS - 1)):
        if space.holds(proposed) and configuration_key(proposed) not in seen:
            return Proposal(proposed, reasons.TPE)
    left = untried(space, seen, most=MOST_MOVED)
    if left:
        return Proposal(nearest(first, left, space.parameters), reasons.NEAREST_TO_TPE)
    draws = random_search.draws(space, search.seed)
    return propose_first(draws, space, seen, rng, reasons.RANDOM_DRAW)


def startup_trials(budget: int) -> int:
    """Trials that cover the space before the model is asked: a quarter of the budget, 4 to 10."""
    return min(10, max(4, budget // 4))


def asks(
    space: SearchSpace,
    history: Sequence[Trial],
    *,
    seed: int,
    maximise: bool,
    objectives: Sequence[str] = (),
) -> Iterator[Configuration]:
    """What the model proposes, endlessly, heedless of constraints and of what was tried.

    A flag that a trial left out is unknown to it there: TPE models such flags each by itself, from
    the trials that had them.
    """
    import optuna

    # Its warnings are of flags that it models by themselves, which is meant.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    codes = {name: _Code(domain) for name, domain in space.parameters.items()}
    distributions = {name: code.distribution() for name, code in codes.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=1, multivariate=True, constant_liar=True
        )
        upwards = [objective_is_maximised(name) for name in objectives] or [maximise]
        study = optuna.create_study(
            directions=["maximize" if up else "minimize" for up in upwards], sampler=sampler
        )
    for trial in history:
        part = space.restrict(trial.parameters)
        if part is not None:
            encoded = {name: codes[name].encode(value) for name, value in part.items()}
            known = {name: distributions[name] for name in encoded}
            study.add_trial(_frozen(trial, objectives, encoded, known))
    while True:
        asked = study.ask(distributions)
        values = {name: code.decode(asked.params[name]) for name, code in codes.items()}
        yield space.active_part(values)
        study.tell(asked, state=optuna.trial.TrialState.FAIL)


def _frozen(
    trial: Trial,
    objectives: Sequence[str],
    encoded: Mapping[str, Any],
    distributions: Mapping[str, Any],
) -> "optuna.trial.FrozenTrial":
    import optuna

    states = optuna.trial.TrialState
    known = [trial.scores.get(name) for name in objectives] or [trial.score]
    scored = all(value is not None and math.isfinite(value) for value in known)
    values = None
    match trial.status:
        case "success" if trial.feasible is not False and scored:
            state, values = states.COMPLETE, known
        case "success" | "pruned" | "failed":
            state = states.PRUNED
        case "running":
            state = states.RUNNING
        case _:
            state = states.FAIL
    return optuna.trial.create_trial(
        state=state, values=values, params=dict(encoded), distributions=dict(distributions)
    )


class _Code:
    """A domain in Optuna's terms.

    Numbers that are listed or lie on a grid are told by their rank, so that their order is
    known and a decimal stays what it was.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._ranked: Sequence[Scalar] | None = None
        if isinstance(domain, Choices):
            numbers = [o for o in domain.options if type(o) in {int, float}]
            if len(numbers) == len(domain.options):
                self._ranked = sorted(domain.options, key=lambda number: float(number or 0))
        elif not domain.integer:
            self._ranked = domain.values()

    def distribution(self) -> "optuna.distributions.BaseDistribution":
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        if self._ranked is not None:
            return IntDistribution(0, len(self._ranked) - 1)
        if isinstance(self._domain, Choices):
            return CategoricalDistribution(tuple(range(len(self._domain.options))))
        low, high = self._domain.low, self._domain.high
        if self._domain.integer:
            step = int(self._domain.step or 1)
            last = int(low) + (int(high) - int(low)) // step * step
            return IntDistribution(int(low), last, log=self._domain.log, step=step)
        return FloatDistribution(float(low), float(high), log=self._domain.log)

    def encode(self, value: Scalar) -> Any:
        if self._ranked is not None:
            return self._ranked.index(value)
        if isinstance(self._domain, Choices):
            return next(i for i, o in enumerate(self._domain.options) if same_value(o, value))
        return value

    def decode(self, code: Any) -> Scalar:
        if self._ranked is not None:
            return self._ranked[int(code)]
        if isinstance(self._domain, Choices):
            return self._domain.options[int(code)]
        return int(code) if self._domain.integer else self._domain.rounded(float(code))
