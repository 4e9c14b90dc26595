"""The contract that every search strategy keeps."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks_app.expressions import Constraint
from tasks_app.space import Choices, Configuration, Range, Scalar, SearchSpace, configuration_key
from tasks_app.strategies import (
    NO_MEMORY,
    STRATEGIES,
    Memory,
    PastTask,
    Proposal,
    Search,
    Strategy,
    Trial,
    TrialStatus,
    several,
)

SPACES = {
    "choices": SearchSpace(
        {"threads": Choices((1, 2)), "slots": Choices((1, 4, 8)), "fa": Choices(("on", None))}
    ),
    "constrained": SearchSpace(
        {"tp": Choices((1, 2, 4, 8)), "dp": Choices((1, 2, 4, 8)), "x": Choices((True, False))},
        (Constraint.parse("tp * dp <= gpus"),),
        {"gpus": 4},
    ),
    "grid": SearchSpace({"mem": Range(0.7, 0.9, step=0.05), "n": Range(1, 3)}),
    "large": SearchSpace({"chunk": Range(512, 8192, log=True), "n": Range(1, 10**6)}),
    "continuous": SearchSpace({"mem": Range(0.1, 0.9), "lr": Range(0.001, 1.0, log=True)}),
    "mixed": SearchSpace(
        {"mem": Range(0.1, 0.9), "n": Range(1, 16), "fa": Choices(("on", "off", None, 3, True))},
        (Constraint.parse("mem * n <= 8"),),
    ),
    "one": SearchSpace({"a": Choices((None,))}),
    "thin": SearchSpace(
        {"a": Range(1, 90), "b": Range(1, 90)}, (Constraint.parse("a == 17 and b > 84"),)
    ),
}
OUTCOMES: tuple[TrialStatus, ...] = ("success", "failed", "success", "pruned", "cancelled")

TWO, THREE = ("throughput", "ttft_p99"), ("throughput", "ttft_p99", "tpot_mean")
PAST_TRIALS = 6
FORGETFUL: Mapping[str, Strategy] = {
    **STRATEGIES,
    "auto for three": several.Auto(THREE),
    "bayesian for two": several.Bayesian(TWO),
}


@dataclass(frozen=True)
class Remembering:
    """A strategy that always knows other tasks: one just alike, one of other circumstances, and
    one that searched another flag besides and where most failed."""

    strategy: Strategy

    def propose(
        self, space: SearchSpace, history: Sequence[Trial], search: Search
    ) -> Proposal | None:
        assert search.memory == NO_MEMORY
        return self.strategy.propose(space, history, replace(search, memory=self.memory_for(space)))

    @staticmethod
    def memory_for(space: SearchSpace) -> Memory:
        rng = random.Random(8)
        drawn = [c for _ in range(PAST_TRIALS) if (c := space.sample(rng)) is not None]
        done = tuple(trial(number, c) for number, c in enumerate(drawn))
        failed = tuple(Trial({**c, "other": 1}, "failed") for c in drawn) + done[:3]
        facts: dict[str, Scalar] = {"model": "m", "gpu": "g", "input_tokens": 100.0}
        elsewhere = facts | {"gpu": "h", "input_tokens": None}
        past = (PastTask(facts, done), PastTask(elsewhere, done[::2]), PastTask({}, failed))
        return Memory(facts, past)


EVERY: Mapping[str, Strategy] = {
    **FORGETFUL,
    **{f"{name}, others known": Remembering(one) for name, one in FORGETFUL.items()},
}
every_strategy = pytest.mark.parametrize("name", EVERY)
every_space = pytest.mark.parametrize("key", SPACES)


def score(configuration: Configuration) -> float:
    return float(sum(v for v in configuration.values() if type(v) in {int, float}))  # type: ignore[misc]


def trial(number: int, configuration: Configuration) -> Trial:
    status = OUTCOMES[number % len(OUTCOMES)]
    feasible = number % 7 != 5 if status == "success" else None
    return Trial(
        {"fixed": 1, **configuration},
        status,
        feasible,
        score(configuration) if feasible else None,
        scores=scores(configuration) if feasible else {},
    )


def scores(configuration: Configuration) -> dict[str, float]:
    """Objectives that disagree."""
    rate = 1 + abs(score(configuration))
    return {"throughput": rate, "ttft_p99": rate**0.5, "tpot_mean": 1 / rate}


BASELINE = Trial({"fixed": 1}, "success", True, 1.0)


def next_after(
    name: str, space: SearchSpace, known: Sequence[Configuration], *, seed: int, budget: int
) -> Configuration | None:
    """What is proposed when the `known` ones have been tried."""
    history = (BASELINE, *(trial(number, one) for number, one in enumerate(known)))
    proposed = EVERY[name].propose(space, history, Search(seed=seed, maximise=True, budget=budget))
    return None if proposed is None else proposed.configuration


def run(
    name: str, space: SearchSpace, *, seed: int = 0, budget: int = 12, experiments: int = 12
) -> Iterator[Configuration]:
    known: list[Configuration] = []
    for _ in range(experiments):
        proposed = next_after(name, space, known, seed=seed, budget=budget)
        if proposed is None:
            return
        yield proposed
        known.append(proposed)


def budget_of(key: str) -> int:
    """All of a space that is spent soon."""
    size = SPACES[key].size()
    return 12 if size is None or size > 100 else size


@cache
def a_run(name: str, key: str) -> tuple[Configuration, ...]:
    """What is proposed in a run with some experiments more than that, made once for all tests."""
    budget = budget_of(key)
    experiments = budget + 5 if budget == SPACES[key].size() else budget
    return tuple(run(name, SPACES[key], budget=budget, experiments=experiments))


@every_strategy
@every_space
def test_it_stays_inside_the_space_and_never_repeats(name: str, key: str) -> None:
    proposed = a_run(name, key)
    assert proposed
    assert all(SPACES[key].allows(configuration) for configuration in proposed)
    assert len({configuration_key(configuration) for configuration in proposed}) == len(proposed)


@every_strategy
@every_space
def test_it_is_reproducible(name: str, key: str) -> None:
    """With nothing measured, with little, and with each outcome among what was."""
    proposed = a_run(name, key)
    for count in {0, 1, 8} & set(range(len(proposed))):
        again = next_after(name, SPACES[key], proposed[:count], seed=0, budget=budget_of(key))
        assert again == proposed[count]


@every_strategy
@pytest.mark.parametrize("key", ["choices", "constrained", "grid", "one", "thin"])
def test_it_tries_everything_and_then_says_that_the_space_is_spent(name: str, key: str) -> None:
    size = SPACES[key].size()
    assert size is not None
    assert len(a_run(name, key)) == size


@every_strategy
def test_it_does_not_propose_what_is_under_way(name: str) -> None:
    space = SPACES["choices"]
    history: list[Trial] = []
    for _ in range(12):
        proposed = EVERY[name].propose(space, history, Search(seed=1, maximise=True, budget=12))
        assert proposed is not None
        history.append(Trial(proposed.configuration, "running"))
    assert EVERY[name].propose(space, history, Search(seed=1, maximise=True, budget=12)) is None


@every_strategy
def test_it_says_that_an_empty_space_is_spent(name: str) -> None:
    space = SearchSpace({"a": Range(1, 3)}, (Constraint.parse("a < 0"),))
    assert list(run(name, space)) == []


def test_it_gives_up_on_a_huge_space_that_holds_nothing() -> None:
    space = SearchSpace({"a": Range(1, 10**9)}, (Constraint.parse("a < 0"),))
    assert list(run("random", space)) == []


@every_strategy
def test_it_does_not_alter_the_global_random_numbers(name: str) -> None:
    random.seed(4)
    expected = random.random()
    random.seed(4)
    list(run(name, SPACES["mixed"]))
    assert random.random() == expected


@every_strategy
def test_it_does_not_write_to_the_history(name: str) -> None:
    space = SPACES["choices"]
    history = [trial(n, c) for n, c in enumerate(run("random", space, experiments=6))]
    before = list(history)
    EVERY[name].propose(space, history, Search(seed=0, maximise=False, budget=12))
    assert history == before


@pytest.mark.parametrize("name", ["random", "bayesian"])
def test_it_follows_its_seed(name: str) -> None:
    space = SPACES["large"]
    assert list(run(name, space, seed=1)) != list(run(name, space, seed=2))


def test_it_gives_every_value_its_share_of_a_grid_cut_short() -> None:
    space = SearchSpace({f"p{n}": Choices((1, 2, 3, 4)) for n in range(4)})
    first = list(run("grid_search", space, budget=16, experiments=16))
    for name in space.names:
        shares = [sum(c[name] == value for c in first) for value in (1, 2, 3, 4)]
        assert min(shares) >= 2
        assert max(shares) <= 6


def test_it_keeps_a_random_order_whatever_became_of_the_trials() -> None:
    space = SPACES["large"]
    proposed = list(run("random", space, seed=3))
    shuffled = [Trial(c, "failed") for c in proposed[:10]]
    random.Random(0).shuffle(shuffled)
    following = STRATEGIES["random"].propose(
        space, shuffled, Search(seed=3, maximise=False, budget=12)
    )
    assert following is not None
    assert following.configuration == proposed[10]


def test_it_draws_whole_numbers_on_a_log_scale_log_uniformly() -> None:
    space = SearchSpace({"n": Range(1, 10**6, log=True)})
    drawn = [c["n"] for c in run("random", space, budget=200, experiments=200)]
    assert 70 < sum(type(n) is int and n <= 1000 for n in drawn) < 120


@pytest.mark.parametrize("name", ["auto", "bayesian"])
@pytest.mark.parametrize("maximise", [True, False])
def test_it_learns_from_scores(name: str, maximise: bool) -> None:
    space = SearchSpace({"a": Range(0, 1000), "b": Range(0.0, 1.0), "c": Choices(("x", "y"))})

    def tuned(seed: int) -> Sequence[float]:
        history: list[Trial] = []
        scores: list[float] = []
        for _ in range(30):
            proposed = EVERY[name].propose(
                space, history, Search(seed=seed, maximise=maximise, budget=30)
            )
            assert proposed is not None
            a = proposed.configuration["a"]
            assert isinstance(a, int)
            history.append(Trial(proposed.configuration, "success", True, float(a)))
            scores.append(float(a))
        return scores

    late = [value for seed in range(2) for value in tuned(seed)[15:]]
    mean = sum(late) / len(late)
    assert mean > 650 if maximise else mean < 350


@pytest.mark.parametrize("name", ["auto", "bayesian"])
def test_it_keeps_away_from_what_broke_the_slo(name: str) -> None:
    space = SearchSpace({"a": Range(0, 1000)})
    history = [
        Trial({"a": a}, "success", a < 500, float(a) if a < 500 else None)
        for a in range(0, 1000, 50)
    ]
    proposed = [
        EVERY[name].propose(space, history, Search(seed=seed, maximise=True, budget=40))
        for seed in range(12)
    ]
    values = [p.configuration["a"] for p in proposed if p is not None]
    assert sum(type(a) is int and a < 550 for a in values) >= 9


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """Small spaces of every kind of flag, some under a constraint."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 10**6),
        st.floats(-10, 10, allow_nan=False),
        st.text("abf8_", max_size=3),
    )
    listed = st.lists(scalars, min_size=1, max_size=4, unique_by=lambda v: (type(v), v))
    ranges = st.builds(
        lambda low, width, log: Range(low, low + width, log=log),
        st.integers(1, 9),
        st.integers(0, 5_000),
        st.booleans(),
    )
    grids = st.builds(
        lambda low, steps: Range(low, low + 0.1 * steps, step=0.1),
        st.floats(0.1, 1),
        st.integers(0, 9),
    )
    domains = st.one_of(listed.map(lambda v: Choices(tuple(v))), ranges, grids)
    names = draw(
        st.lists(
            st.sampled_from(["tp-size", "dtype", "a", "b", "mem"]),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    parameters = {name: draw(domains) for name in names}
    limits = tuple(
        Constraint.parse(f"{name} <= {draw(st.integers(1, 100))}")
        for name in names
        if isinstance(parameters[name], Range) and draw(st.booleans())
    )
    return SearchSpace(parameters, limits)


@every_strategy
@settings(max_examples=12, deadline=None)
@given(
    space=spaces(),
    maximise=st.booleans(),
    scores=st.lists(st.floats(-1e9, 1e9), min_size=6, max_size=6),
)
def test_it_keeps_the_contract_on_any_space(
    name: str, space: SearchSpace, maximise: bool, scores: list[float]
) -> None:
    history: list[Trial] = []
    for number, value in enumerate(scores):
        proposed = EVERY[name].propose(
            space, tuple(history), Search(seed=1, maximise=maximise, budget=6)
        )
        if number == len(scores) - 1:
            assert proposed == EVERY[name].propose(
                space, tuple(history), Search(seed=1, maximise=maximise, budget=6)
            )
        if proposed is None:
            assert space.size() == len(history)
            return
        found = proposed.configuration
        assert proposed.reason
        assert space.allows(found)
        assert configuration_key(found) not in {configuration_key(t.parameters) for t in history}
        status = OUTCOMES[number % len(OUTCOMES)]
        feasible = None if status != "success" else value > 0
        told = value if feasible else None
        bound = value if status == "pruned" else None
        history.append(Trial(found, status, feasible, told, bound))
