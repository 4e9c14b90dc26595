"""The tables of docs/search.md: search strategies over measured and over made-up tables.

    python -m benchmarks.search [--seeds 20] [--draws 2] [--only measured|made-up]

Takes some minutes on an idle core.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.search_families import families
from experiments_app.replay.report import Request, means, run_all, to_text
from experiments_app.replay.run import LearnFrom, Outcome
from experiments_app.replay.table import Table, load_table, table_of

MEASURED = Path("tests/data/replay")
REFERENCES = ("random", "grid_order", "optuna_tpe", "gp_ei")
OWN = "smollm2-135m-llamacpp-cpu"
"""The table measured here, far larger than the others: told apart from their mean."""
TOLERANCE = 0.02
MADE_UP_BUDGET = 60
MADE_UP_SEEDS = 4

Found = dict[str, dict[str, list[Outcome]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="for the measured tables")
    parser.add_argument("--draws", type=int, default=2, help="made-up tables of each family")
    parser.add_argument("--only", choices=["measured", "made-up"])
    options = parser.parse_args()
    if options.only != "made-up":
        measured(options.seeds)
    if options.only != "measured":
        made_up(options.draws)


def measured(seeds: int) -> None:
    tables = [load_table(path) for path in sorted(MEASURED.glob("*.json"))]
    found = outcomes(tables, [*REFERENCES, "bayesian", "auto"], seeds)
    learned = outcomes(tables, ["auto"], seeds, learn_from="others")
    for table, by_strategy in learned.items():
        found[table]["auto, others known"] = by_strategy["auto"]
    print_tables(found, {table.name: table.name for table in tables})
    print_means({name: runs for name, runs in found.items() if name != OWN})
    print_means({OWN: found[OWN]})


def made_up(draws: int) -> None:
    drawn = [
        table_of({**table, "name": f"{family} {draw}"})
        for draw in range(draws)
        for family, table in families(draw).items()
    ]
    found = outcomes(drawn, [*REFERENCES, "auto"], MADE_UP_SEEDS, MADE_UP_BUDGET)
    learned = outcomes(drawn, ["auto"], MADE_UP_SEEDS, MADE_UP_BUDGET, learn_from="others")
    for table, by_strategy in learned.items():
        found[table]["auto, others known"] = by_strategy["auto"]
    print_tables(found, {table.name: table.name.rpartition(" ")[0] for table in drawn})
    print_means(found)


def outcomes(
    tables: Sequence[Table],
    names: Sequence[str],
    seeds: int,
    budget: int | None = None,
    *,
    learn_from: LearnFrom = "none",
) -> Found:
    found: Found = {}
    for table, name, runs in run_all(Request(tables, names, seeds, budget, TOLERANCE, learn_from)):
        found.setdefault(table, {})[name] = runs
    return found


def print_tables(found: Found, group_of: dict[str, str]) -> None:
    """Mean experiments until near the best, a row a table or family."""
    names = list(next(iter(found.values())))
    print(f"| experiments to {TOLERANCE:.0%} | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for group in dict.fromkeys(group_of.values()):
        own = {table: found[table] for table in found if group_of[table] == group}
        row = " | ".join(f"{means(own, name).experiments:.1f}" for name in names)
        print(f"| {group} | {row} |")
    print()


def print_means(found: Found) -> None:
    for line in to_text(found, list(next(iter(found.values()))), TOLERANCE):
        print(line)
    print(flush=True)


if __name__ == "__main__":
    main()
