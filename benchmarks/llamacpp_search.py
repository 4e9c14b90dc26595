"""Compares `auto` with random search on the real llama.cpp engine: nothing is replayed.

    chrt -f 20 python -m benchmarks.llamacpp_search HOME [--seeds 5] > FILE.json

Each of both strategies has 12 experiments, on the flags and the model of
`benchmarks/llamacpp_table.py` at a load of 8 requests at once, for each seed: 10 runs, some 20
minutes on two cores that should do nothing else. No run learns from another. What each run calls
its best is a lucky measurement to some part, so that HOME's table, measured independently, is
asked as well how good that configuration is.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.llamacpp_table import METRIC, document, manage, results, table

EXPERIMENTS = 12
CONCURRENCY = 8


def task(strategy: str, seed: int) -> dict[str, Any]:
    own = document()
    return {
        **own,
        "task_name": f"{strategy} seed {seed}",
        "optimization": {
            **own["optimization"],
            "strategy": strategy,
            "seed": seed,
            "max_iterations": EXPERIMENTS,
            "learn": False,
        },
        "benchmark": {
            **own["benchmark"],
            "num_concurrency": [CONCURRENCY],
        },
    }


def measured_again(known: dict[str, Any], parameters: dict[str, Any]) -> float | None:
    """What the table has for a configuration, output tokens/s; None where it was not drawn."""
    for cell in known["experiments"]:
        if cell["parameters"] == parameters and cell["measurements"]:
            return next(
                float(level[METRIC])
                for level in cell["measurements"]
                if level["concurrency"] == CONCURRENCY
            )
    return None


def run(home: Path, strategy: str, seed: int, known: dict[str, Any]) -> dict[str, Any]:
    file = home / f"{strategy}-{seed}.json"
    file.write_text(json.dumps(task(strategy, seed)))
    tuned = json.loads(manage(home, "tune", str(file), "--json"))
    searched = [e for e in tuned["experiments"] if e["number"] > 0]
    scores = [e["objective_score"] or 0.0 for e in searched]
    best = max(searched, key=lambda e: e["objective_score"] or 0.0)
    return {
        "strategy": strategy,
        "seed": seed,
        "baseline": tuned["baseline"]["objective_score"],
        "best_so_far": [round(max(scores[: n + 1]), 2) for n in range(len(scores))],
        "best": best["parameters"],
        "best_in_table": measured_again(known, best["parameters"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    home = options.home.resolve()
    known = table(results(home))
    # In turns, so that a machine that changes its pace changes it for both.
    runs = [
        run(home, strategy, seed, known)
        for seed in range(options.seeds)
        for strategy in ("auto", "random")
    ]
    means = {
        strategy: {
            str(n): round(
                statistics.mean(r["best_so_far"][n - 1] for r in runs if r["strategy"] == strategy),
                2,
            )
            for n in (1, 3, 5, 8, EXPERIMENTS)
        }
        for strategy in ("auto", "random")
    }
    json.dump({"mean_best_after": means, "runs": runs}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
