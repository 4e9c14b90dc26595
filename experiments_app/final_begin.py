"""Whether there is anything for a final to compare, and who is in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments_app import drift, repeats
from experiments_app.final_plan import MOST_LEADERS, Candidate, Plan, plan
from experiments_app.final_result import FinalVerdict
from experiments_app.models import Experiment
from tasks_app.spec import TaskSpec

Status = Experiment.Status


@dataclass(frozen=True)
class NoFinal:
    """Why none is held, and what is the answer then."""

    why: str
    verdict: FinalVerdict = FinalVerdict.UNCONFIRMED
    winner: int | None = None


@dataclass(frozen=True)
class Beginning:
    """`budget_s`: what its rounds may take, in seconds of the engine's time."""

    plan: Plan
    budget_s: float


def begin(
    spec: TaskSpec, by_number: Mapping[int, Experiment], spent_s: float
) -> Beginning | NoFinal:
    """`spent_s`: what an earlier final of the run took of the budget."""
    default = by_number[0]
    scored = [e for e in (default, *_best(spec, by_number)) if _may_be_compared(spec, e)]
    others = [_candidate(spec, e, default) for e in scored if e.number != 0]
    if spec.optimization.objectives:
        return NoFinal("several objectives are traded against one another: there is no one winner")
    if not any(e.feasible for e in by_number.values()):
        return NoFinal("nothing that was measured meets the SLO", FinalVerdict.INFEASIBLE)
    if default not in scored:
        missed = default.status == Status.SUCCESS and not default.feasible
        lacks = "does not meet the SLO" if missed else "has no figures to compare with"
        return NoFinal(f"the default {lacks}")
    if len(by_number) == 1:
        return NoFinal("nothing but the default was measured")
    if not others:
        return NoFinal("nothing else came to a score", FinalVerdict.DEFAULT, winner=0)
    searched_s = sum(repeats.engine_s(e) for e in by_number.values() if e.reused_from_id is None)
    budget_s = max(spec.optimization.confirm_budget * searched_s - spent_s, 0.0)
    noise = drift.noise_before_final(spec, default)
    chosen = plan(_candidate(spec, default, default), others, noise, budget_s)
    if chosen is None:
        return NoFinal("no other came near the default", FinalVerdict.DEFAULT, winner=0)
    return Beginning(chosen, budget_s)


def _best(spec: TaskSpec, by_number: Mapping[int, Experiment]) -> Sequence[Experiment]:
    """Those that could be leaders, the best first."""
    scored = [e for e in by_number.values() if e.number and e.objective_score]
    scored.sort(key=lambda e: (e.objective_score or 0.0, -e.number))
    if spec.optimization.maximises:
        scored.reverse()
    return scored[: 2 * MOST_LEADERS]


def _may_be_compared(spec: TaskSpec, experiment: Experiment) -> bool:
    return bool(experiment.objective_score) and bool(repeats.deciding_levels(spec, experiment))


def _candidate(spec: TaskSpec, experiment: Experiment, default: Experiment) -> Candidate:
    value = math.log(experiment.objective_score or 1.0)
    return Candidate(
        experiment.number,
        value if spec.optimization.maximises else -value,
        repeats.expected_s(spec, experiment, default),
    )
