"""How long the answers are that a level of ours asks for, without a server.

    python -m benchmarks.asked_lengths SCENARIO CONCURRENCY SEED COUNT

prints the first COUNT of them, a JSON list of tokens. A program of its own, for it imports
genai-bench, which patches the process that does.
"""

import json
import sys

from genai_bench.scenarios.base import Scenario

from experiments_app.benchmark.launcher.request_sets import RequestSets
from experiments_app.benchmark.request import BenchmarkRequest


def main() -> None:
    scenario, concurrency, seed, count = sys.argv[1], *map(int, sys.argv[2:])
    RequestSets(seed, BenchmarkRequest.request_set).begin(scenario, concurrency, take=1)
    parsed = Scenario.from_string(scenario)
    sys.stdout.write(json.dumps([int(parsed.sample()[1]) for _ in range(count)]) + "\n")


if __name__ == "__main__":
    main()
