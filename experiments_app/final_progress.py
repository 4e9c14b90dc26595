"""How far a run is when its final is counted in. Pure functions.

A final ends as soon as it can tell: what is said of it here is the most that it may take.
"""

from experiments_app import words
from experiments_app.final_result import Final
from experiments_app.models import Experiment
from tasks_app.spec_sections import Optimization


def with_final(searched: float, final: Final | None, asked: Optimization) -> float:
    """How much of the run is done, 0 to 1, where `searched` of the search is."""
    if final is None and not asked.confirm:
        return searched
    share = asked.confirm_budget / (1 + asked.confirm_budget)
    return searched * (1 - share) + share * _held(final)


def final_share(asked: Optimization) -> float:
    """The most that a final may take, as a share of what the search does; 0 without one."""
    return asked.confirm_budget if asked.confirm else 0.0


def final_left_s(final: Final | None, asked: Optimization, *, search_s: float) -> float:
    """The most that the final may still take; `search_s`: what the whole search takes."""
    if final is None or not final.has_begun:
        return final_share(asked) * search_s
    return 0.0 if final.is_done else max(final.budget_s - final.engine_s, 0.0)


def under_way(current: Experiment, final: Final | None, total: int) -> str:
    """What is measured now: `Experiment 4 of 12`, `Final: round 2, measuring #7 again`."""
    name = words.short_experiment(current.number)
    match current.purpose:
        case Experiment.Purpose.DRIFT:
            return f"Watching for drift: measuring {name} again"
        case Experiment.Purpose.FINAL if final and final.is_beside(current.number, current.repeat):
            return f"Final: measuring {name} again, beside itself with a flag put back"
        case Experiment.Purpose.FINAL if current.is_repeat and _is_contender(current, final):
            return f"Final: round {final.rounds + 1 if final else 1}, measuring {name} again"
        case Experiment.Purpose.FINAL:
            again = " again" if current.is_repeat else ""
            return f"Final: measuring {name}{again}, the winner with a flag put back"
        case _:
            return f"Experiment {current.number} of {total - 1}" if current.number else "Baseline"


def _is_contender(current: Experiment, final: Final | None) -> bool:
    return final is None or current.number in final.contenders


def _held(final: Final | None) -> float:
    if final is None:
        return 0.0
    if final.is_done or not final.budget_s:
        return float(final.is_done)
    return min(final.engine_s / final.budget_s, 1.0)
