"""The contract that every search strategy keeps."""

import random
from collections.abc import Iterator, Sequence

import pytest

from tasks_app.expressions import Constraint
from tasks_app.space import Choices, Configuration, Range, SearchSpace, configuration_key
from tasks_app.strategies import STRATEGIES, Trial, TrialStatus

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

every_strategy = pytest.mark.parametrize("name", STRATEGIES)
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())


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
    )


def run(
    name: str, space: SearchSpace, *, seed: int = 0, budget: int = 12, experiments: int = 12
) -> Iterator[Configuration]:
    baseline = Trial({"fixed": 1}, "success", True, 1.0)
    history: list[Trial] = [baseline]
    for number in range(experiments):
        proposed = STRATEGIES[name].propose(
            space, tuple(history), seed=seed, maximise=True, budget=budget
        )
        if proposed is None:
            return
        yield proposed
        history.append(trial(number, proposed))


@every_strategy
@every_space
def test_it_stays_inside_the_space_and_never_repeats(name: str, space: SearchSpace) -> None:
    proposed = list(run(name, space))
    assert proposed
    assert all(space.allows(configuration) for configuration in proposed)
    assert len({configuration_key(configuration) for configuration in proposed}) == len(proposed)


@every_strategy
@every_space
def test_it_is_reproducible(name: str, space: SearchSpace) -> None:
    assert list(run(name, space, seed=5, experiments=8)) == list(
        run(name, space, seed=5, experiments=8)
    )


@every_strategy
@pytest.mark.parametrize("key", ["choices", "constrained", "grid", "one", "thin"])
def test_it_tries_everything_and_then_says_that_the_space_is_spent(name: str, key: str) -> None:
    space = SPACES[key]
    size = space.size()
    assert size is not None
    assert len(list(run(name, space, budget=size, experiments=size + 5))) == size


@every_strategy
def test_it_does_not_propose_what_is_under_way(name: str) -> None:
    space = SPACES["choices"]
    history: list[Trial] = []
    for _ in range(12):
        proposed = STRATEGIES[name].propose(space, history, seed=1, maximise=True, budget=12)
        assert proposed is not None
        history.append(Trial(proposed, "running"))
    assert STRATEGIES[name].propose(space, history, seed=1, maximise=True, budget=12) is None


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
    STRATEGIES[name].propose(space, history, seed=0, maximise=False, budget=12)
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
    following = STRATEGIES["random"].propose(space, shuffled, seed=3, maximise=False, budget=12)
    assert following == proposed[10]


def test_it_draws_whole_numbers_on_a_log_scale_log_uniformly() -> None:
    space = SearchSpace({"n": Range(1, 10**6, log=True)})
    drawn = [c["n"] for c in run("random", space, budget=200, experiments=200)]
    assert 70 < sum(type(n) is int and n <= 1000 for n in drawn) < 120


def test_it_walks_the_grid_where_the_budget_holds_it() -> None:
    space = SPACES["choices"]
    assert list(run("auto", space, budget=12)) == list(run("grid_search", space, budget=12))
    assert list(run("auto", space, budget=11)) == list(run("random", space, budget=11))


@pytest.mark.parametrize("maximise", [True, False])
def test_it_learns_from_scores(maximise: bool) -> None:
    space = SearchSpace({"a": Range(0, 1000), "b": Range(0.0, 1.0), "c": Choices(("x", "y"))})

    def tuned(seed: int) -> Sequence[float]:
        history: list[Trial] = []
        scores: list[float] = []
        for _ in range(30):
            proposed = STRATEGIES["bayesian"].propose(
                space, history, seed=seed, maximise=maximise, budget=30
            )
            assert proposed is not None
            a = proposed["a"]
            assert isinstance(a, int)
            history.append(Trial(proposed, "success", True, float(a)))
            scores.append(float(a))
        return scores

    late = [value for seed in range(2) for value in tuned(seed)[15:]]
    mean = sum(late) / len(late)
    assert mean > 650 if maximise else mean < 350


def test_it_keeps_away_from_what_broke_the_slo() -> None:
    space = SearchSpace({"a": Range(0, 1000)})
    history = [
        Trial({"a": a}, "success", a < 500, float(a) if a < 500 else None)
        for a in range(0, 1000, 50)
    ]
    proposed = [
        STRATEGIES["bayesian"].propose(space, history, seed=seed, maximise=True, budget=40)
        for seed in range(12)
    ]
    values = [c["a"] for c in proposed if c is not None]
    assert sum(type(a) is int and a < 550 for a in values) >= 9
