"""What further experiments of a run may still gain, and when it ends because that is too little.

After every experiment the chance is estimated that those to come gain more than a share, 2 % unless
the task says otherwise, and kept with the run: pages only read it. A run whose task has
`stop_when_gain_below` ends once the chance was below `UNLIKELY` after `IN_A_ROW` experiments in a
row, never before `FEWEST_EXPERIMENTS`. How true the chances are, and what this saves:
docs/search.md.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from experiments_app.models import Experiment
from tasks_app.models import Run
from tasks_app.space import SearchSpace
from tasks_app.spec import TaskSpec
from tasks_app.strategies import Trial
from tasks_app.strategies.outlook import (
    FEWEST_EXPERIMENTS,
    GUIDED,
    IN_A_ROW,
    UNLIKELY,
    chance_of_gain,
)

logger = logging.getLogger(__name__)

GAIN = 0.02
MORE_AFTER_THE_END = 10
"""Experiments that are asked about once the budget is spent."""


@dataclass(frozen=True)
class Outlook:
    """The `chance` that `more` experiments gain more than the share `gain`, as seen after `ended`
    ones, the baseline counted; None: too little was measured to tell.

    `unlikely_for`: after how many experiments in a row it was below `UNLIKELY`.
    """

    ended: int
    more: int
    gain: float
    chance: float | None
    unlikely_for: int = 0

    @classmethod
    def of_run(cls, run: Run | None) -> Self | None:
        kept: Mapping[str, Any] | None = run.outlook if run else None
        return cls(**kept) if kept else None

    @property
    def says_stop(self) -> bool:
        return self.unlikely_for >= IN_A_ROW

    @property
    def stop_message(self) -> str:
        share, chance = f"{self.gain * 100:g} %", f"{(self.chance or 0) * 100:.0f} %"
        return f"stopped: the chance of a further gain above {share} is {chance}"


def look_ahead(
    run: Run,
    spec: TaskSpec,
    space: SearchSpace,
    experiments: Sequence[Experiment],
    trials: Sequence[Trial],
) -> Outlook | None:
    """The outlook after these experiments, all ended: worked out once, then kept with the run.

    None where the task has several objectives: no single gain tells then.
    """
    known = Outlook.of_run(run)
    if spec.optimization.objectives:
        return None
    budget_left = spec.optimization.max_iterations - (len(experiments) - 1)
    more = budget_left if budget_left > 0 else MORE_AFTER_THE_END
    if known is not None and (known.ended, known.more) == (len(experiments), more):
        return known
    chance = _chance(spec, space, trials, experiments[0].objective_score, more)
    counts = chance is not None and chance < UNLIKELY and len(experiments) > FEWEST_EXPERIMENTS
    before = known.unlikely_for if known and known.ended == len(experiments) - 1 else 0
    outlook = Outlook(len(experiments), more, _gain(spec), chance, before + 1 if counts else 0)
    run.outlook = asdict(outlook)
    Run.objects.filter(pk=run.pk).update(outlook=run.outlook)
    return outlook


def _gain(spec: TaskSpec) -> float:
    return spec.optimization.stop_when_gain_below or GAIN


def _chance(
    spec: TaskSpec,
    space: SearchSpace,
    trials: Sequence[Trial],
    baseline: float | None,
    more: int,
) -> float | None:
    try:
        return chance_of_gain(
            space,
            trials,
            gain=_gain(spec),
            more=more,
            maximise=spec.optimization.maximises,
            guided=spec.optimization.strategy in GUIDED,
            seed=spec.optimization.seed,
            to_beat=baseline,
        )
    except np.linalg.LinAlgError as error:  # an estimate is not worth a run
        logger.warning("the chance of a further gain cannot be told: %s", error)
        return None


def ends_run(run: Run, spec: TaskSpec, outlook: Outlook | None) -> bool:
    """A run that somebody extended goes on for as many experiments as they asked for."""
    wanted = spec.optimization.stop_when_gain_below is not None and run.max_iterations is None
    budget_is_left = outlook is not None and outlook.ended <= spec.optimization.max_iterations
    return wanted and outlook is not None and budget_is_left and outlook.says_stop
