"""Search strategies over made-up tables (`search_families.py`). By hand; some minutes:

python -m benchmarks.search [--draws 4] [--seeds 4] [STRATEGY…]
"""

import argparse

from benchmarks.search_families import families
from experiments_app.replay.report import Request, means, run_all, to_text
from experiments_app.replay.run import Outcome
from experiments_app.replay.table import table_of

BUDGET = 60
TOLERANCE = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("strategies", nargs="*")
    parser.add_argument("--draws", type=int, default=4, help="tables of each family")
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    names = options.strategies or ["random", "grid_order", "optuna_tpe", "gp_ei", "auto"]
    drawn = [
        table_of({**table, "name": f"{family} {draw}"})
        for draw in range(options.draws)
        for family, table in families(draw).items()
    ]
    outcomes: dict[str, dict[str, list[Outcome]]] = {}
    request = Request(drawn, names, options.seeds, BUDGET, TOLERANCE, "none")
    for table, name, found in run_all(request):
        outcomes.setdefault(table, {})[name] = found
    print(f"Experiments to {TOLERANCE:.0%} of the best, at most {BUDGET} (then {BUDGET + 1}):\n")
    print("| family | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for family in families(0):
        own = {t: o for t, o in outcomes.items() if t.rpartition(" ")[0] == family}
        row = " | ".join(f"{means(own, name).experiments:.1f}" for name in names)
        print(f"| {family} | {row} |")
    print()
    for line in to_text(outcomes, names, TOLERANCE):
        print(line)


if __name__ == "__main__":
    main()
