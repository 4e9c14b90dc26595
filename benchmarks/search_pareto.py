"""Searches for the front of two objectives, over the measured tables: how soon it is known.

    python -m benchmarks.search_pareto [--seeds 10] [--latency ttft_mean|tpot_mean]

The objectives are the throughput per GPU and a latency at the load that gives it, as
`experiments_app/several.py` has it. Counted is the share of the hypervolume of the table's true
front (axes logarithmic, from the worst of the table) that is known after so many experiments, and
the experiments until 98 % of it are.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from experiments_app.replay.space import TableSpace
from experiments_app.replay.table import Table, load_table
from experiments_app.several import SAME_RATE
from tasks_app.space import Configuration, configuration_key
from tasks_app.strategies import STRATEGIES, Memory, Search, Strategy, Trial, several

MEASURED = Path("tests/data/replay")
AFTER = (3, 5, 8)
ENOUGH = 0.98
Scores = Mapping[object, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--latency", choices=["ttft_mean", "tpot_mean"], default="ttft_mean")
    options = parser.parse_args()
    names = ("throughput", options.latency)
    strategies: dict[str, Strategy] = {
        "random": STRATEGIES["random"],
        "bayesian": several.Bayesian(names),
        "auto": several.Auto(names),
    }
    rows: dict[str, list[list[float]]] = {name: [] for name in strategies}
    for path in sorted(MEASURED.glob("*.json")):
        table, scores = load_table(path), scores_of(path, options.latency)
        if front_area(scores.values(), names, scores.values()) == 0:
            continue
        for name, strategy in strategies.items():
            runs = [replay(table, scores, strategy, names, seed) for seed in range(options.seeds)]
            rows[name].append([fmean(column) for column in zip(*runs, strict=True)])
        print(path.stem, {name: round(rows[name][-1][-1], 1) for name in strategies}, flush=True)
    heads = [f"after {count}" for count in AFTER]
    print(f"\n| strategy | {' | '.join(heads)} | experiments to {ENOUGH:.0%} |")
    print("|---|" + "---:|" * (len(AFTER) + 1))
    for name, found in rows.items():
        means = [fmean(column) for column in zip(*found, strict=True)]
        shares = " | ".join(f"{share:.1%}" for share in means[:-1])
        print(f"| {name} | {shares} | {means[-1]:.2f} |")
    print(f"\n{len(rows['auto'])} tables, {options.seeds} seeds, {' against '.join(names)}")


def replay(
    table: Table, scores: Scores, strategy: Strategy, names: Sequence[str], seed: int
) -> list[float]:
    """The share of the hypervolume after each of `AFTER`, and the experiments to `ENOUGH`."""
    whole = front_area(scores.values(), names, scores.values())
    space = TableSpace(table.domains, listed=tuple(cell.configuration for cell in table.cells))
    search = Search(seed, maximise=True, budget=len(table.cells), memory=Memory(table.facts))
    trials: list[Trial] = []
    shares: list[float] = []
    while len(trials) < len(table.cells):
        proposal = strategy.propose(space, tuple(trials), search)
        assert proposal is not None
        trials.append(_told(proposal.configuration, scores, names))
        known = [trial.scores for trial in trials if trial.scores]
        shares.append(front_area(known, names, scores.values()) / whole)
    to_enough = next(n for n, share in enumerate(shares, start=1) if share >= ENOUGH)
    return [*(shares[min(count, len(shares)) - 1] for count in AFTER), to_enough]


def _told(configuration: Configuration, scores: Scores, names: Sequence[str]) -> Trial:
    own = scores.get(configuration_key(configuration), {})
    return Trial(configuration, "success", bool(own), own.get(names[0]), scores=own)


def scores_of(path: Path, latency: str) -> Scores:
    """By configuration; what holds its SLO nowhere has none."""
    data = json.loads(path.read_bytes())
    found: dict[object, dict[str, float]] = {}
    for experiment in data["experiments"]:
        levels = [
            level
            for level in experiment["measurements"]
            if all(level[name] <= bound for name, bound in data["slo"].items())
        ]
        if not levels:
            continue
        rates = [level["output_tokens_per_s_per_gpu"] for level in levels]
        reached = [
            level for level, rate in zip(levels, rates, strict=True)
            if rate >= (1 - SAME_RATE) * max(rates)
        ]  # fmt: skip
        operating = min(reached, key=lambda level: level["concurrency"])
        key = configuration_key({n: experiment["parameters"].get(n) for n in data["parameters"]})
        found[key] = {"throughput": max(rates), latency: operating[f"{latency}_s"]}
    return found


def front_area(scores: Any, names: Sequence[str], table: Any) -> float:
    """What the front of `scores` dominates, axes logarithmic, from the worst of `table`."""
    every = [(math.log(s[names[0]]), -math.log(s[names[1]])) for s in table]
    left, bottom = min(x for x, _ in every), min(y for _, y in every)
    points = sorted(((math.log(s[names[0]]), -math.log(s[names[1]])) for s in scores), reverse=True)
    area, height = 0.0, bottom
    for x, y in points:
        if y > height:
            area += (x - left) * (y - height)
            height = y
    return area


if __name__ == "__main__":
    main()
