"""Search strategies by the name that a task file gives them."""

from collections.abc import Mapping

from tasks_app.strategies import auto, bayesian, grid_search, random_search
from tasks_app.strategies.base import Memory, PastTask, Proposal, Strategy, Trial, TrialStatus

__all__ = ["STRATEGIES", "Memory", "PastTask", "Proposal", "Strategy", "Trial", "TrialStatus"]

STRATEGIES: Mapping[str, Strategy] = {
    "auto": auto,
    "grid_search": grid_search,
    "random": random_search,
    "bayesian": bayesian,
}
