"""What failed, broke an SLO, or was not measured to its end, as the strategies are told of it."""

from collections.abc import Sequence

import pytest

from experiments_app.best import best_of
from experiments_app.models import Experiment
from tasks_app.space import Range, SearchSpace
from tasks_app.strategies import STRATEGIES, Search, Trial
from tasks_app.strategies.base import Memory
from tasks_app.strategies.evidence import INFEASIBLE, feasibility, scores

MODELS = pytest.mark.parametrize("name", ["auto", "bayesian"])
SPACE = SearchSpace({"mem": Range(0.5, 0.95, step=0.05), "batch": Range(1, 1024)})


def above(limit: float, mem: float, batch: int) -> Trial:
    """More memory is better, up to where the engine crashes."""
    if mem > limit:
        return Trial({"mem": mem, "batch": batch}, "failed")
    return Trial({"mem": mem, "batch": batch}, "success", True, 1000 * mem - abs(batch - 700) / 2)


def crashes(name: str, history: Sequence[Trial], limit: float) -> float:
    """The share of proposals that would crash, over some seeds."""
    proposed = [
        STRATEGIES[name].propose(SPACE, history, Search(seed=seed, maximise=True, budget=16))
        for seed in range(12)
    ]
    values = [float(p.configuration["mem"] or 0) for p in proposed if p is not None]
    return sum(value > limit for value in values) / len(values)


@MODELS
def test_what_is_like_a_crash_becomes_unlikely(name: str) -> None:
    fractions = [round(0.5 + 0.05 * step, 2) for step in range(10)]
    batches = (100, 400, 700, 1000)
    history = [above(0.75, mem, batch) for mem in fractions for batch in batches]
    assert crashes(name, history, 0.75) <= 0.25  # 40 % of the space crashes


@MODELS
def test_a_whole_search_crashes_less_and_less(name: str) -> None:
    history: list[Trial] = []
    for _ in range(20):
        proposed = STRATEGIES[name].propose(
            SPACE, history, Search(seed=3, maximise=True, budget=20)
        )
        assert proposed is not None
        mem, batch = proposed.configuration["mem"], proposed.configuration["batch"]
        history.append(above(0.75, float(mem or 0), int(batch or 0)))
    late = [trial.status == "failed" for trial in history[10:]]
    assert sum(late) <= 4
    assert max(trial.score or 0 for trial in history) > 690


def test_the_model_of_feasibility_knows_each_state_for_what_it_is() -> None:
    history = [
        Trial({"mem": 0.5}, "success", True, 5.0),
        Trial({"mem": 0.6}, "success", False),
        Trial({"mem": 0.7}, "failed"),
        Trial({"mem": 0.8}, "pruned", bound=4.0),
        Trial({"mem": 0.9}, "cancelled"),
        Trial({"mem": 0.95}, "running"),
    ]
    known = feasibility(history, Memory())
    assert known is not None
    told = {c["mem"]: v for c, v in zip(known.configurations, known.values.values, strict=True)}
    assert told == {0.5: 0.0, 0.6: INFEASIBLE, 0.7: INFEASIBLE, 0.8: 0.0}
    scored = scores(history, Memory(), maximise=True)
    assert [c["mem"] for c in scored.configurations] == [0.5, 0.8]


def test_a_crash_is_never_the_best() -> None:
    experiments = [
        Experiment(number=1, status="failed", error_kind="out_of_memory"),
        Experiment(number=2, status="pruned", bound=99.0),
        Experiment(number=3, status="success", feasible=False, slo_excess=0.1),
        Experiment(number=4, status="success", feasible=True, objective_score=1.0),
        Experiment(number=5, status="cancelled"),
    ]
    best = best_of(experiments, "maximize_throughput")
    assert best is not None
    assert best.number == 4
    assert best_of(experiments[:3], "minimize_ttft") is None
