"""Search strategies by the name that a task file gives them."""

from collections.abc import Mapping, Sequence

from tasks_app.strategies import auto, bayesian, grid_search, random_search, several
from tasks_app.strategies.base import (
    NO_MEMORY,
    Memory,
    PastTask,
    Proposal,
    Search,
    Strategy,
    Trial,
    TrialStatus,
)

__all__ = [
    "NO_MEMORY",
    "STRATEGIES",
    "Memory",
    "PastTask",
    "Proposal",
    "Search",
    "Strategy",
    "Trial",
    "TrialStatus",
    "strategy_for",
]

STRATEGIES: Mapping[str, Strategy] = {
    "auto": auto,
    "grid_search": grid_search,
    "random": random_search,
    "bayesian": bayesian,
}


def strategy_for(name: str, objectives: Sequence[str] | None) -> Strategy:
    """The strategy of that name, which may search for the front of several objectives."""
    if objectives and name in several.FOR_SEVERAL:
        return several.FOR_SEVERAL[name](tuple(objectives))
    return STRATEGIES[name]
