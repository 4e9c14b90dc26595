"""How long a proposal takes, after few trials and after many; for docs/search.md.

    python -m benchmarks.proposal_time [--trials 5 100 500] [--repeats 5]

The median of the processor's seconds of `propose` for each strategy, alone and with the most other
tasks that a run remembers. The space has four flags and no end, one result in five is a failure.
Nothing else should run: set OMP_NUM_THREADS=1 for the figures of one core.
"""

import argparse
import random
import time
from collections.abc import Sequence
from statistics import median

from tasks_app.space import Choices, Configuration, Range, SearchSpace
from tasks_app.strategies import (
    NO_MEMORY,
    STRATEGIES,
    Memory,
    PastTask,
    Search,
    Strategy,
    Trial,
    several,
)

SPACE = SearchSpace(
    {
        "a": Range(1, 1000),
        "b": Range(0.0, 1.0),
        "c": Choices(("x", "y", "z")),
        "d": Range(1, 4096, log=True),
    }
)
PAST_TASKS, PAST_TRIALS = 12, 40  # the most that experiments_app.recollection keeps
OBJECTIVES = ("throughput", "ttft_p99")
EVERY: dict[str, Strategy] = {
    **STRATEGIES,
    "auto, two objectives": several.Auto(OBJECTIVES),
    "bayesian, two objectives": several.Bayesian(OBJECTIVES),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[5, 100, 500])
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print("| strategy | " + " | ".join(f"{count} trials" for count in asked.trials) + " |")
    print("|---|" + "---:|" * len(asked.trials))
    for name, strategy in EVERY.items():
        for memory in (NO_MEMORY, memory_of_many()):
            seconds = [
                seconds_of(strategy, trials(count), memory, asked.repeats) for count in asked.trials
            ]
            known = ", others known" if memory.tasks else ""
            print(f"| {name}{known} | " + " | ".join(f"{s:.3f} s" for s in seconds) + " |")


def seconds_of(strategy: Strategy, history: Sequence[Trial], memory: Memory, repeats: int) -> float:
    took = []
    for repeat in range(repeats + 1):  # the first one loads what it needs
        started = time.process_time()
        strategy.propose(SPACE, history, Search(repeat, True, len(history) + 1, memory))
        took.append(time.process_time() - started)
    return median(took[1:])


def memory_of_many() -> Memory:
    """As many tasks and trials as a run remembers at most."""
    facts = {"model": "m", "gpu": "g", "runtime": "r"}
    tasks = [
        PastTask({**facts, "model": f"m{seed // 2}"}, tuple(trials(PAST_TRIALS, seed)))
        for seed in range(PAST_TASKS)
    ]
    return Memory(facts | {"model": "m0"}, tuple(tasks))


def trials(count: int, seed: int = 0) -> list[Trial]:
    rng = random.Random(seed)
    drawn = [c for _ in range(count) if (c := SPACE.sample(rng)) is not None]
    return [trial(number, configuration) for number, configuration in enumerate(drawn)]


def trial(number: int, configuration: Configuration) -> Trial:
    if number % 5 == 1:
        return Trial(configuration, "failed")
    a, d = (float(configuration[name] or 0) for name in ("a", "d"))
    scores = {"throughput": 100 + a, "ttft_p99": 1 + d / 4096}
    return Trial(configuration, "success", True, 100 + a, number=number, scores=scores)


if __name__ == "__main__":
    main()
