"""The runs of a strategy over a table, and the command."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from experiments_app.replay.report import Request, means, run_all
from experiments_app.replay.run import NAMES, REGRET_AFTER, memory_for, replay
from experiments_app.replay.table import Table, load_table, table_of
from tests.experiments_app.replay.test_table import document, write

FOLDER = Path("tests/data/replay")
SMALL = FOLDER / "qwen3.5-397b-a17b-b200_sxm-8192x1024.json"
SIBLING = FOLDER / "qwen3.5-397b-a17b-b300_sxm-8192x1024.json"

every_name = pytest.mark.parametrize("name", NAMES)


def run(*arguments: object) -> dict[str, Any]:
    out = StringIO()
    call_command("replay", *map(str, arguments), "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@every_name
def test_every_strategy_finds_the_best_in_the_end(name: str) -> None:
    table = table_of(document())
    outcome = replay(table, name, seed=1)
    assert outcome.experiments is not None
    assert outcome.points is not None
    assert 1 <= outcome.experiments <= len(table.cells)
    assert outcome.regret[20] == 0


@every_name
def test_a_run_comes_out_the_same_from_the_same_seed(name: str) -> None:
    table = load_table(SMALL)
    assert replay(table, name, seed=3) == replay(table, name, seed=3)


@every_name
def test_an_objective_of_less_is_searched_for_less(name: str) -> None:
    rows = [
        {"parameters": {"n": n}, "measurements": [{"concurrency": 1, "rate": 1.0 + abs(n - 6)}]}
        for n in range(10)
    ]
    table = table_of(
        document(
            objective="minimize_latency",
            slo={},
            parameters={"n": list(range(10))},
            experiments=rows,
        )
    )
    assert table.best == 1.0
    assert replay(table, name, seed=0).regret[10] == 0


def test_a_spent_budget_counts_one_more() -> None:
    table = load_table(SMALL)
    outcome = replay(table, "random", seed=0, budget=1)
    seeds = [replay(table, "random", seed=seed, budget=1) for seed in range(20)]
    assert any(found.experiments is None for found in seeds)
    for found in seeds:
        assert found.counted_experiments == (found.experiments or 2)
        assert found.counted_points == (found.points or found.spent_points + 1)
    assert outcome.regret[3] == outcome.regret[20]


def test_a_table_is_never_its_own_history() -> None:
    tables = [load_table(SMALL), load_table(SIBLING)]
    memory = memory_for(tables[0], tables, "others")
    assert memory.facts["gpu"] == "b200_sxm"
    assert [task.facts["gpu"] for task in memory.tasks] == ["b300_sxm"]
    assert memory_for(tables[0], tables, "none").tasks == ()


def test_another_objective_is_no_history() -> None:
    latency = table_of(document(objective="minimize_latency", slo={}, name="other"))
    assert memory_for(table_of(document()), [latency], "others").tasks == ()


def test_what_is_learned_from_others_helps() -> None:
    tables = [load_table(path) for path in sorted(FOLDER.glob("qwen3-32b*.json"))]

    def experiments(learn_from: Any) -> float:
        request = Request(tables, ["auto"], 2, None, 0.02, learn_from)
        outcomes = {table: {name: found} for table, name, found in run_all(request)}
        return means(outcomes, "auto").experiments

    assert experiments("others") < experiments("none")


def test_the_command_prints_figures_a_seed() -> None:
    found = run(SMALL, "--strategy", "auto", "--strategy", "optuna_tpe", "--seeds", 3)
    (by_strategy,) = found["tables"].values()
    assert list(by_strategy) == ["auto", "optuna_tpe"]
    for figures in by_strategy.values():
        assert len(figures["experiments"]) == len(figures["points"]) == 3
        assert list(figures["regret"]) == [str(count) for count in REGRET_AFTER]
        assert all(len(regrets) == 3 for regrets in figures["regret"].values())


def test_a_spent_budget_is_null_in_the_figures() -> None:
    found = run(SMALL, "--strategy", "random", "--seeds", 20, "--budget", 1)
    (figures,) = (by["random"] for by in found["tables"].values())
    assert None in figures["experiments"]
    assert [e is None for e in figures["experiments"]] == [p is None for p in figures["points"]]


def test_a_wider_tolerance_is_met_sooner() -> None:
    def experiments(tolerance: float) -> int:
        arguments = ("--strategy", "random", "--seeds", 10, "--tolerance", tolerance)
        (by_strategy,) = run(SIBLING, *arguments)["tables"].values()
        return sum(by_strategy["random"]["experiments"])

    assert experiments(0.6) < experiments(0.0)


def test_without_json_it_prints_the_means() -> None:
    out = StringIO()
    call_command("replay", str(SMALL), "--strategy", "grid_order", "--seeds", "2", stdout=out)
    assert "| grid_order | " in out.getvalue()
    assert "experiments to 2%" in out.getvalue()


def refusal(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("replay", *map(str, arguments), "--json", stdout=StringIO())
    assert caught.value.returncode == 2
    return str(caught.value)


def test_an_unknown_strategy_is_bad_input() -> None:
    assert "did you mean 'random'?" in refusal(SMALL, "--strategy", "randm")


def test_a_broken_table_is_bad_input(tmp_path: Path) -> None:
    assert "holds no table" in refusal(write(tmp_path, "{"), "--strategy", "auto")


def test_the_same_table_twice_is_bad_input() -> None:
    assert "are both named" in refusal(SMALL, SMALL, "--strategy", "auto")


@pytest.mark.parametrize(
    "wrong", [("--seeds", "0"), ("--budget", "-1"), ("--tolerance", "x"), ("--learn-from", "me")]
)
def test_a_wrong_option_is_bad_input(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("replay", str(SMALL), "--strategy", "auto", *wrong, stdout=StringIO())


def test_tables_need_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module has no database: any query would fail."""
    assert isinstance(load_table(SMALL), Table)
    run(SMALL, "--strategy", "auto", "--seeds", 1)
