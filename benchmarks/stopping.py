"""How true the chance of a further gain is, and what stopping by it saves; for docs/search.md.

    python -m benchmarks.stopping [--seeds 2] [--draws 2] [--jobs 1] [--only measured|made-up]

Along whole runs it is asked how likely `more` further experiments gain more than 2 %, and then seen
whether they did. Where the rule would have stopped, the regret then and the experiments saved are
counted. Takes some minutes on an idle core.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.search_families import families
from experiments_app.replay.table import Table, load_table, table_of
from tasks_app.strategies import STRATEGIES, Search, Trial
from tasks_app.strategies.outlook import (
    FEWEST_EXPERIMENTS,
    GUIDED,
    IN_A_ROW,
    UNLIKELY,
    chance_of_gain,
)

MEASURED = Path("tests/data/replay")
GAIN = 0.02
BUDGET = 30
MORE = (5, 10)
BINS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.01)
NAMES = ("auto", "random")
Job = tuple[Table, str, int]
"""A table, a strategy and a seed."""


@dataclass(frozen=True)
class Forecast:
    chance: float
    came_true: bool


@dataclass(frozen=True)
class Stop:
    """`after` experiments of `of`, and the regret then and at the end."""

    after: int
    of: int
    regret: float
    regret_at_end: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--draws", type=int, default=2, help="made-up tables of each family")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", choices=["measured", "made-up"])
    options = parser.parse_args()
    kinds: dict[str, Callable[[], list[Table]]] = {
        "measured": _measured,
        "made-up": lambda: _made_up(options.draws),
    }
    with ProcessPoolExecutor(options.jobs) as pool:
        for kind, tables in kinds.items():
            if options.only not in {None, kind}:
                continue
            for name in NAMES:
                jobs = [(t, name, seed) for t in tables() for seed in range(options.seeds)]
                found = list(pool.map(_one_run, jobs))
                print(f"\n{kind} tables, runs of {name}\n")
                _print([f for forecasts, _ in found for f in forecasts])
                _print_stops([stop for _, stop in found])


def _measured() -> list[Table]:
    return [load_table(path) for path in sorted(MEASURED.glob("*.json"))]


def _made_up(draws: int) -> list[Table]:
    return [
        table_of({**table, "name": f"{family} {draw}"})
        for draw in range(draws)
        for family, table in families(draw).items()
    ]


def _one_run(job: Job) -> tuple[list[Forecast], Stop]:
    table, name, seed = job
    budget = min(BUDGET, len(table.cells))
    trials: list[Trial] = []
    best: list[float | None] = []
    for _ in range(budget):
        trials.append(_measure(table, _proposed(table, name, trials, seed, budget)))
        best.append(_better(table, best[-1] if best else None, trials[-1].score))
    return list(_forecasts(job, trials, best)), _stop(job, trials, best)


def _proposed(table: Table, name: str, trials: Sequence[Trial], seed: int, budget: int) -> Any:
    proposal = STRATEGIES[name].propose(
        table.space, tuple(trials), Search(seed, table.maximise, budget)
    )
    if proposal is None:
        raise ValueError(f"{name} proposes nothing after {len(trials)} of {budget} experiments")
    return proposal.configuration


def _measure(table: Table, configuration: Any) -> Trial:
    cell = table.cell(configuration)
    if cell.failed:
        return Trial(cell.configuration, "failed")
    score = table.score(cell.readings)
    return Trial(cell.configuration, "success", score is not None, score)


def _better(table: Table, best: float | None, score: float | None) -> float | None:
    if best is None or score is None:
        return best if score is None else score
    return table.better(best, score)


def _forecasts(
    job: Job, trials: Sequence[Trial], best: Sequence[float | None]
) -> Iterator[Forecast]:
    table, name, seed = job
    for count in (3, 5, 8, 12, 16, 20, 25):
        for more in MORE:
            if count + more > len(trials):
                continue
            chance = _chance(table, name, trials[:count], more, seed)
            before, after = best[count - 1], best[count + more - 1]
            if chance is None or before is None or after is None:
                continue
            ratio = after / before if table.maximise else before / after
            yield Forecast(chance, ratio > 1 + GAIN)


def _chance(table: Table, name: str, trials: Sequence[Trial], more: int, seed: int) -> float | None:
    return chance_of_gain(
        table.space,
        trials,
        gain=GAIN,
        more=more,
        maximise=table.maximise,
        guided=name in GUIDED,
        seed=seed,
    )


def _stop(job: Job, trials: Sequence[Trial], best: Sequence[float | None]) -> Stop:
    table, name, seed = job
    end = len(trials)
    unlikely_for = 0
    for count in range(FEWEST_EXPERIMENTS, end):
        chance = _chance(table, name, trials[:count], end - count, seed)
        unlikely_for = unlikely_for + 1 if chance is not None and chance < UNLIKELY else 0
        if unlikely_for == IN_A_ROW:
            return Stop(count, end, table.regret(best[count - 1]), table.regret(best[-1]))
    return Stop(end, end, table.regret(best[-1]), table.regret(best[-1]))


def _print(forecasts: Sequence[Forecast]) -> None:
    print("| it said | how often | said on average | it happened |\n|---|---:|---:|---:|")
    for low, high in pairwise(BINS):
        inside = [f for f in forecasts if low <= f.chance < high]
        if inside:
            said, happened = fmean(f.chance for f in inside), fmean(f.came_true for f in inside)
            name = f"{low:.0%} to {min(high, 1):.0%}"
            print(f"| {name} | {len(inside)} | {said:.0%} | {happened:.0%} |")


def _print_stops(stops: Sequence[Stop]) -> None:
    after, of = fmean(s.after for s in stops), fmean(s.of for s in stops)
    regret, at_end = fmean(s.regret for s in stops), fmean(s.regret_at_end for s in stops)
    worst = max(s.regret - s.regret_at_end for s in stops)
    early = fmean(s.after < s.of for s in stops)
    print(
        f"\n{early:.0%} of {len(stops)} runs stopped early: {after:.1f} of {of:.1f} experiments,"
        f" regret {regret:.1%} instead of {at_end:.1%}; {worst:.1%} given away at worst.",
        flush=True,
    )


if __name__ == "__main__":
    main()
