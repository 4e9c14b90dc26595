"""Which experiment of a run is the best, and by how much: the one place that decides it.

While the search goes on, and where no final was held, the scores decide. Where the final has ended
its winner is the best and its comparison is the gain: the scores alone would pick the luckiest.
"""

from collections.abc import Iterable

from experiments_app import objective
from experiments_app.final_result import Final, FinalVerdict
from experiments_app.models import Experiment


def best_of(
    experiments: Iterable[Experiment], objective_name: str, final: Final | None = None
) -> Experiment | None:
    """The final's winner; without one feasible first, then score, then the lower number. None when
    nothing is feasible."""
    feasible = [e for e in experiments if e.objective_score is not None]
    if final is not None and final.is_done:
        if is_nothing_feasible(final):
            return None
        winner = next((e for e in feasible if e.number == final.winner), None)
        if winner is not None:
            return winner
    sign = -1 if objective.is_maximised(objective_name) else 1
    return min(feasible, key=lambda e: (sign * (e.objective_score or 0.0), e.number), default=None)


def is_nothing_feasible(final: Final) -> bool:
    return final.is_done and final.verdict is FinalVerdict.INFEASIBLE


def gain_of(
    objective_name: str,
    experiment: Experiment | None,
    baseline: Experiment | None,
    final: Final | None = None,
) -> float | None:
    """A score over the default's as a ratio minus 1: by the final where it compared the two."""
    if experiment is None or baseline is None:
        return None
    if final is not None and final.is_done and not experiment.is_baseline:
        estimate = final.estimate_of(experiment.number)
        if estimate is not None and estimate.gain is not None:
            return estimate.gain
    return objective.gain(objective_name, experiment.objective_score, baseline.objective_score)
