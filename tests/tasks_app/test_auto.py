"""What `auto` knows beyond the contract of all strategies, for one objective and for several."""

from collections.abc import Sequence

import pytest

from tasks_app.space import Choices, Configuration, Range, SearchSpace
from tasks_app.strategies import (
    NO_MEMORY,
    STRATEGIES,
    Memory,
    PastTask,
    Search,
    Strategy,
    Trial,
    several,
)

TWO = ("throughput", "ttft_p99")


def propose(
    space: SearchSpace, history: Sequence[Trial], memory: Memory = NO_MEMORY
) -> Configuration:
    proposed = STRATEGIES["auto"].propose(
        space, history, Search(seed=0, maximise=True, budget=20, memory=memory)
    )
    assert proposed is not None
    return proposed.configuration


def test_auto_starts_where_general_trends_point() -> None:
    space = SearchSpace({"tp-size": Choices((8, 4, 2, 1)), "dtype": Choices(("bf16", "fp8"))})
    assert propose(space, []) == {"tp-size": 1, "dtype": "fp8"}


def test_auto_starts_in_the_middle_where_it_knows_nothing() -> None:
    space = SearchSpace({"alpha": Choices((1, 2, 3, 4, 5)), "beta": Choices((10, 20, 30))})
    assert propose(space, []) == {"alpha": 3, "beta": 20}


def test_auto_gives_a_trend_up_when_the_first_results_disagree() -> None:
    space = SearchSpace({"tp-size": Choices((1, 2, 4, 8, 16)), "n": Choices((1, 2))})
    history = [
        Trial({"tp-size": tp, "n": 1}, "success", True, score)
        for tp, score in ((1, 100.0), (2, 150.0), (4, 220.0))
    ]
    assert propose(space, history)["tp-size"] in {8, 16}


def past(best: str, **facts: str) -> PastTask:
    trials = tuple(
        Trial({"kind": kind}, "success", True, 300.0 if kind == best else 100.0)
        for kind in "abcdefgh"
    )
    return PastTask(facts, trials)


KINDS = SearchSpace({"kind": Choices(tuple("abcdefgh"))})


def test_auto_starts_with_what_was_best_in_other_tasks() -> None:
    assert propose(KINDS, [], Memory({"model": "m"}, (past("f", model="n"),))) == {"kind": "f"}


def test_auto_trusts_the_tasks_that_are_more_alike() -> None:
    tasks = (past("c", model="m", gpu="g"), past("f", model="n", gpu="h"))
    assert propose(KINDS, [], Memory({"model": "m", "gpu": "g"}, tasks)) == {"kind": "c"}


def test_auto_learns_of_crashes_in_other_tasks() -> None:
    space = SearchSpace({"mem": Choices((0.5, 0.6, 0.7, 0.8, 0.9))})
    trials = tuple(
        Trial({"mem": m}, "failed") if m > 0.75 else Trial({"mem": m}, "success", True, 100 * m)
        for m in (0.5, 0.6, 0.7, 0.8, 0.9)
    )
    assert propose(space, [], Memory({}, (PastTask({}, trials),)))["mem"] == 0.7


def test_auto_keeps_away_from_configurations_like_those_that_crashed() -> None:
    space = SearchSpace({"mem": Choices((0.5, 0.6, 0.7, 0.8, 0.9)), "n": Choices((1, 2, 3, 4))})
    history = [
        Trial({"mem": m, "n": n}, "failed" if m > 0.75 else "success", m < 0.75 or None, s)
        for m, n, s in (
            (0.5, 1, 50.0),
            (0.7, 1, 70.0),
            (0.9, 1, None),
            (0.8, 2, None),
            (0.9, 3, None),
        )
    ]
    assert propose(space, history)["mem"] in {0.5, 0.6, 0.7}


def test_auto_takes_scores_that_have_no_logarithm() -> None:
    space = SearchSpace({"a": Range(0, 20)})
    history = [Trial({"a": a}, "success", True, a - 10.0) for a in (0, 5, 10, 15)]
    assert int(propose(space, history)["a"] or 0) > 15


def test_auto_finds_the_front_of_two_objectives_sooner_than_chance() -> None:
    space = SearchSpace({"a": Range(1, 7), "b": Range(1, 7)})

    def front_size(strategy: Strategy) -> int:
        history: list[Trial] = []
        for _ in range(14):
            proposed = strategy.propose(space, history, Search(seed=2, maximise=True, budget=14))
            assert proposed is not None
            a, b = (float(proposed.configuration[name] or 0) for name in ("a", "b"))
            waste = 1 + abs(b - 5)  # on the front b is 5, whatever a is
            reached = {"throughput": a / waste, "ttft_p99": a * waste}
            history.append(
                Trial(proposed.configuration, "success", True, a / waste, scores=reached)
            )
        return sum(trial.parameters["b"] == 5 for trial in history)

    assert front_size(several.Auto(TWO)) >= front_size(STRATEGIES["random"]) + 2


@pytest.mark.parametrize("strategy", [several.Auto(TWO), several.Bayesian(TWO)])
def test_a_search_for_two_objectives_keeps_away_from_what_broke_the_slo(strategy: Strategy) -> None:
    space = SearchSpace({"a": Range(0, 1000)})
    history = [
        Trial(
            {"a": a},
            "success",
            a < 500,
            a + 1.0 if a < 500 else None,
            scores={"throughput": a + 1.0, "ttft_p99": 1.0} if a < 500 else {},
        )
        for a in range(0, 1000, 50)
    ]
    proposed = [
        strategy.propose(space, history, Search(seed=seed, maximise=True, budget=40))
        for seed in range(6)
    ]
    values = [p.configuration["a"] for p in proposed if p is not None]
    assert sum(type(a) is int and a < 550 for a in values) >= 4
