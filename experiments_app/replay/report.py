"""Figures of many replays: per table as JSON, and their means as a table to read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from experiments_app.replay.run import (
    DETERMINISTIC,
    REGRET_AFTER,
    LearnFrom,
    Outcome,
    memory_for,
    replay,
)
from experiments_app.replay.table import Table

Outcomes = Mapping[str, Mapping[str, Sequence[Outcome]]]
"""Per table, per strategy, an outcome a seed."""


@dataclass(frozen=True)
class Request:
    tables: Sequence[Table]
    strategies: Sequence[str]
    seeds: int
    budget: int | None
    tolerance: float
    learn_from: LearnFrom


def run_all(request: Request) -> Iterator[tuple[str, str, list[Outcome]]]:
    """Table, strategy, outcomes; one after the other, as they are ready."""
    for table in request.tables:
        memory = memory_for(table, request.tables, request.learn_from)
        for name in request.strategies:
            seeds = range(1 if name in DETERMINISTIC else request.seeds)
            outcomes = [
                replay(
                    table,
                    name,
                    seed=seed,
                    budget=request.budget,
                    tolerance=request.tolerance,
                    memory=memory,
                )
                for seed in seeds
            ]
            yield table.name, name, outcomes * (request.seeds // len(outcomes))


def to_data(outcomes: Outcomes) -> dict[str, Any]:
    return {
        "tables": {
            table: {name: _figures(found) for name, found in by_strategy.items()}
            for table, by_strategy in outcomes.items()
        }
    }


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "experiments": [outcome.experiments for outcome in outcomes],
        "points": [outcome.points for outcome in outcomes],
        "regret": {
            str(count): [outcome.regret[count] for outcome in outcomes] for count in REGRET_AFTER
        },
    }


@dataclass(frozen=True)
class Means:
    """Over seeds, then over tables. A spent budget counts as one experiment more than it had,
    and as one point more than were measured."""

    experiments: float
    points: float
    regret: Mapping[int, float]


def means(outcomes: Outcomes, strategy: str) -> Means:
    by_table = [by_strategy[strategy] for by_strategy in outcomes.values()]
    return Means(
        experiments=fmean(fmean(o.counted_experiments for o in found) for found in by_table),
        points=fmean(fmean(o.counted_points for o in found) for found in by_table),
        regret={
            count: fmean(fmean(o.regret[count] for o in found) for found in by_table)
            for count in REGRET_AFTER
        },
    )


def to_text(outcomes: Outcomes, strategies: Sequence[str], tolerance: float) -> Iterator[str]:
    """A Markdown table, a row a strategy."""
    after = " | ".join(f"regret after {count}" for count in REGRET_AFTER)
    yield f"| strategy | experiments to {tolerance:.0%} | points to {tolerance:.0%} | {after} |"
    yield "|---|" + "---:|" * (2 + len(REGRET_AFTER))
    for name in strategies:
        found = means(outcomes, name)
        regret = " | ".join(f"{100 * found.regret[count]:.1f} %" for count in REGRET_AFTER)
        yield f"| {name} | {found.experiments:.2f} | {found.points:.2f} | {regret} |"
