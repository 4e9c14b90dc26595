"""The reasons that strategies give are true of how they chose."""

import pytest

from tasks_app.space import Choices, Range, Scalar, SearchSpace
from tasks_app.strategies import (
    NO_MEMORY,
    STRATEGIES,
    Memory,
    PastTask,
    Proposal,
    Search,
    Trial,
    reasons,
)


def propose(name: str, space: SearchSpace, *history: Trial, memory: Memory = NO_MEMORY) -> Proposal:
    proposed = STRATEGIES[name].propose(
        space, history, Search(seed=0, maximise=True, budget=20, memory=memory)
    )
    assert proposed is not None
    return proposed


def scored(number: int, score: float, **parameters: Scalar) -> Trial:
    return Trial(parameters, "success", True, score, number=number)


NUMBERS = SearchSpace({"alpha": Choices((1, 2, 3, 4, 5)), "beta": Choices((10, 20, 30))})
KINDS = SearchSpace({"kind": Choices(tuple("abcdefgh"))})


def past(best: str, **facts: str) -> PastTask:
    trials = tuple(
        scored(number, 300.0 if kind == best else 100.0, kind=kind)
        for number, kind in enumerate("abcdefgh")
    )
    return PastTask(facts, trials)


def test_a_grid_tells_that_it_is_the_next() -> None:
    assert propose("grid_search", NUMBERS).reason == "next in the grid"


def test_random_tells_that_it_is_a_draw() -> None:
    assert propose("random", NUMBERS).reason == "random draw"


def test_bayesian_tells_its_start_from_what_its_model_asks_for() -> None:
    known = [scored(n, float(n), alpha=n, beta=10) for n in range(1, 6)]
    assert propose("bayesian", NUMBERS).reason == "covers the space: 1 of 5 to start with"
    assert "TPE" in propose("bayesian", NUMBERS, *known).reason


def test_auto_looks_into_the_middle_where_nothing_is_known() -> None:
    proposal = propose("auto", NUMBERS)
    assert proposal == Proposal({"alpha": 3, "beta": 20}, "the middle of the space: a first look")


def test_auto_says_that_a_general_trend_chose_the_first() -> None:
    space = SearchSpace({"tp-size": Choices((8, 4, 2, 1)), "n": Choices((1, 2))})
    assert propose("auto", space).reason == reasons.GENERAL_TRENDS


def test_auto_names_the_value_that_was_never_tried() -> None:
    space = SearchSpace({"threads": Choices((2, 4)), "flash-attn": Choices(("off", "on"))})
    first = Trial({"threads": 2, "flash-attn": "off"}, "success", True, 10.0, number=1)
    other = Trial({"threads": 4, "flash-attn": "off"}, "success", True, 10.1, number=2)
    assert propose("auto", space, first, other).reason in {
        "explores flash-attn on: not tried yet",
        "refines around #2: flash-attn on",
    }


def test_auto_refines_around_the_best_where_the_scores_have_a_peak() -> None:
    space = SearchSpace({"a": Range(0, 1000)})
    peak = {0: 100.0, 200: 150.0, 400: 200.0, 500: 210.0, 600: 200.0, 800: 150.0, 1000: 100.0}
    history = [scored(n, score, a=a) for n, (a, score) in enumerate(peak.items(), start=1)]
    proposal = propose("auto", space, *history)
    assert proposal.reason.startswith("refines around #4: a ")


def test_auto_explores_beyond_what_it_has_seen() -> None:
    space = SearchSpace({"a": Range(0, 1000)})
    history = [scored(n, 100.0 + a, a=a) for n, a in enumerate((0, 250, 500, 750), start=1)]
    proposal = propose("auto", space, *history)
    assert proposal.reason == f"explores a {proposal.configuration['a']}"


def test_auto_says_in_how_many_tasks_it_was_best() -> None:
    tasks = (past("f", model="m"), past("f", model="n"), past("f", model="o"))
    proposal = propose("auto", KINDS, memory=Memory({"model": "m"}, tasks))
    assert proposal == Proposal({"kind": "f"}, "best in 3 similar tasks")


def test_auto_does_not_count_the_tasks_where_something_else_was_best() -> None:
    tasks = (past("f", model="m"), past("f", model="m"), past("c", model="z"))
    proposal = propose("auto", KINDS, memory=Memory({"model": "m"}, tasks))
    assert proposal == Proposal({"kind": "f"}, "best in 2 of 3 similar tasks")


def test_auto_does_not_credit_tasks_that_its_own_results_have_outvoted() -> None:
    own = [scored(n, 500.0 - 10 * n, kind=k) for n, k in enumerate("fcab", start=1)]
    proposal = propose("auto", KINDS, *own, memory=Memory({}, (past("f"),)))
    assert "best in" not in proposal.reason


def test_auto_says_that_it_keeps_away_from_what_failed() -> None:
    space = SearchSpace({"mem": Range(0.5, 0.9, step=0.05)})
    history = [
        scored(1, 50.0, mem=0.5),
        scored(2, 60.0, mem=0.6),
        Trial({"mem": 0.9}, "failed", number=3),
        Trial({"mem": 0.8}, "failed", number=4),
    ]
    proposal = propose("auto", space, *history)
    assert proposal.configuration["mem"] in {0.65, 0.7}
    assert proposal.reason.endswith("; away from what failed")


def test_auto_says_when_one_is_left() -> None:
    space = SearchSpace({"a": Choices((1, 2))})
    assert propose("auto", space, scored(1, 1.0, a=1)).reason == "the last one left"


@pytest.mark.parametrize(
    ("setting", "words"),
    [(True, "x on"), (False, "x off"), (None, "x left out"), (0.5, "x 0.5"), ("fa", "x fa")],
)
def test_a_value_reads_as_people_say_it(setting: Scalar, words: str) -> None:
    assert reasons.value("x", setting) == words


def test_a_reason_is_never_longer_than_its_column() -> None:
    names = [f"flag-{n}-{'x' * 200}" for n in range(3)]
    long = reasons.explores(dict.fromkeys(names, "v"), names, new=True)
    assert len(reasons.and_away(long)) <= reasons.LONGEST
