"""How often the final errs on the real engine: A/A called different, A/B not told apart.

    .venv/bin/python -m benchmarks.aa_ab FILE.jsonl [--rounds 126] [--requests 8] [--flag F=8]

on a quiet machine; on two cores some 40 minutes for 126 rounds. Each round starts the llama.cpp
server three times with the built-in model, warms it up and measures one level: A, A' with the flags
of A, and B with one flag more. B is chosen first, unless `--flag` says it: of some flags the one
that comes nearest to a difference of 10 %. Every measurement is written to FILE at once; a file
that is there already is gone on with, and `--rounds 0` only reports. The engine, the warm-up,
genai-bench and the rule that decides are the product's own; only genai-bench's process is kept from
one server to the next.

The report cuts the rounds into blocks that share none. Each block is a final of A and A', and one
of A and B, held to what a final may have at the default setting: 20 experiments at two levels, of
whose engine time it takes a fifth.
"""

import argparse
import json
import math
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from scipy import stats  # noqa: E402

from experiments_app.benchmark import BenchmarkRequest, GenaiBench  # noqa: E402
from experiments_app.benchmark.warmup import warm_up  # noqa: E402
from experiments_app.differences import Reading  # noqa: E402
from experiments_app.engines import ENGINES, Launch  # noqa: E402
from experiments_app.final_plan import Candidate, order_of_round, plan  # noqa: E402
from experiments_app.final_verdict import compare, judge  # noqa: E402
from experiments_app.hub import fetch_tokenizer  # noqa: E402
from experiments_app.launch_plan import HOST, LaunchPlan, find_model, plan_launch  # noqa: E402
from experiments_app.runner import WARM_UP_LIMIT_S, WARM_UP_OUTPUT_TOKENS  # noqa: E402
from tasks_app.spec import TaskSpec  # noqa: E402

SCENARIO, CONCURRENCY = "D(32,16)", 4
THREADS = max(1, (os.cpu_count() or 2) - 1)
"""Of the engine: a core is left to the client, so that it does not disturb what it measures."""
NAMES = ("A", "A'", "B")
FLAGS: tuple[dict[str, Any], ...] = (
    {"ubatch-size": 4},
    {"ubatch-size": 8},
    {"ubatch-size": 16},
    {"flash-attn": "off"},
    {"cache-type-k": "q8_0"},
    {"parallel": 2},
    {"parallel": 3},
)
"""Of which B is chosen, beside the flags of A."""
TRIALS = 3
WANTED = math.log(1.1)
EXPERIMENTS, LEVELS = 20, 2
BLOCKS = 40


class Measured(NamedTuple):
    rate: float
    start_s: float
    warm_up_s: float
    measure_s: float
    whole_s: float


class Rig:
    """Starts servers on one port and measures them with one genai-bench."""

    def __init__(self, spec: TaskSpec, folder: Path, requests: int) -> None:
        self._spec, self._folder, self._requests = spec, folder, requests
        self._model = find_model(spec)
        with socket.socket() as free:
            free.bind((HOST, 0))
            self._port: int = free.getsockname()[1]
        self._takes = 0

    @contextmanager
    def bench(self) -> Iterator[GenaiBench]:
        planned = self._plan({})
        request = BenchmarkRequest(
            api_base=planned.base_url,
            backend=planned.runtime.genai_bench_backend,
            model_name=planned.served_model_name,
            tokenizer=str(fetch_tokenizer(planned.tokenizer, {})),
            scenarios=(SCENARIO,),
            concurrencies=(CONCURRENCY,),
            folder=self._folder / "genai-bench",
            max_requests_per_level=self._requests,
            max_minutes_per_level=2,
            fresh_prompts=False,  # each server is new, and all get the same requests
        )
        with GenaiBench(request) as bench:
            yield bench

    def measure(self, bench: GenaiBench, flags: Mapping[str, Any]) -> Measured:
        began = time.monotonic()
        planned = self._plan(flags)
        launch = Launch(
            command=planned.command,
            host=HOST,
            port=self._port,
            health_path=planned.health_path,
            served_model_name=planned.served_model_name,
            log_path=self._folder / "server.log",
            marker="aa_ab",
            environment=planned.environment,
        )
        with ENGINES[self._spec.deployment_mode]().start(launch) as server:
            start_s = server.wait_ready(60, lambda: None)
            warm = warm_up(
                planned.base_url,
                planned.served_model_name,
                scenarios=(SCENARIO,),
                own=None,
                concurrency=CONCURRENCY,
                max_s=WARM_UP_LIMIT_S,
                max_output_tokens=WARM_UP_OUTPUT_TOKENS,
                should_stop=server.check_alive,
            )
            self._takes += 1
            at = time.monotonic()
            result = bench.measure((SCENARIO, CONCURRENCY), deadline_s=120, take=self._takes)
            measure_s = time.monotonic() - at
            server.stop()
        if result.num_errors:
            raise RuntimeError(f"{result.num_errors} of {result.num_requests} requests failed")
        whole_s = time.monotonic() - began
        rate = result.output_tokens_per_s
        return Measured(rate, start_s, warm.duration_s, measure_s, whole_s)

    def _plan(self, flags: Mapping[str, Any]) -> LaunchPlan:
        parameters = {**self._spec.fixed_parameters, **flags}
        return plan_launch(self._spec, parameters, self._model, self._port)


def specification() -> TaskSpec:
    return TaskSpec.from_data(
        {
            "task_name": "A/A and A/B",
            "deployment_mode": "local",
            "base_runtime": "llamacpp",
            "model": {"id_or_path": "smollm2-135m"},
            "parameters": {"ubatch-size": [8, 512]},
            "fixed_parameters": {"threads": THREADS, "parallel": CONCURRENCY},
            "benchmark": {"traffic_scenarios": [SCENARIO], "num_concurrency": [CONCURRENCY]},
        }
    )


def collect(path: Path, rounds: int, requests: int, flag: dict[str, Any] | None) -> None:
    lines = read(path)
    done = sum(line.get("which") == NAMES[-1] for line in lines)
    if done >= rounds:
        return
    with tempfile.TemporaryDirectory() as folder, path.open("a") as file:
        rig = Rig(specification(), Path(folder), requests)
        with rig.bench() as bench:
            rig.measure(bench, {})  # what only the first ever pays for
            chosen = next((line["flag"] for line in lines if "flag" in line), None)
            if chosen is None:
                chosen = flag or choose(rig, bench)
                write(file, {"flag": chosen})
            for at in range(done + 1, rounds + 1):
                for which in order_of_round(range(len(NAMES)), at):
                    found = rig.measure(bench, chosen if NAMES[which] == "B" else {})
                    write(file, {"round": at, "which": NAMES[which], **found._asdict()})
                print(f"round {at} of {rounds}", file=sys.stderr)


def choose(rig: Rig, bench: GenaiBench) -> dict[str, Any]:
    """The flag that comes nearest to 10 %, either way."""
    rates: dict[int, list[float]] = {number: [] for number in range(-1, len(FLAGS))}
    for _ in range(TRIALS):
        for number, found in rates.items():
            flags = {} if number < 0 else FLAGS[number]
            found.append(math.log(rig.measure(bench, flags).rate))
    medians = {number: statistics.median(found) for number, found in rates.items()}
    apart = {n: abs(medians[n] - medians[-1]) for n in range(len(FLAGS))}
    return FLAGS[min(apart, key=lambda n: abs(apart[n] - WANTED))]


def write(file: Any, line: Mapping[str, Any]) -> None:
    file.write(json.dumps(line) + "\n")
    file.flush()


def read(path: Path) -> list[dict[str, Any]]:
    """A round that was cut off is left out, and measured again under its number."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    counts: dict[int, set[str]] = {}
    for line in lines:
        if "round" in line:
            counts.setdefault(line["round"], set()).add(line["which"])
    whole = {at for at, names in counts.items() if names == set(NAMES)}
    return [line for line in lines if "flag" in line or line["round"] in whole]


def report(path: Path) -> None:
    lines = read(path)
    by_round: dict[int, dict[str, dict[str, Any]]] = {}
    for line in lines:
        if "round" in line:
            by_round.setdefault(line["round"], {})[line["which"]] = line
    rounds = [by_round[at] for at in sorted(by_round)]
    if not rounds:
        sys.exit("nothing was measured yet")
    flag = next(line["flag"] for line in lines if "flag" in line)
    every = [one for of_round in rounds for one in of_round.values()]
    print(f"B is A with {flag}; {len(rounds)} rounds, {len(every)} measurements")
    took = statistics.fmean(one["whole_s"] for one in every)
    print(f"a measurement takes {took:.1f} s, engine start included")
    noise = (
        statistics.stdev(math.log(one["A"]["rate"] / one["A'"]["rate"]) for one in rounds)
        / math.sqrt(2)
        if len(rounds) > 1
        else math.nan
    )
    print(f"noise of a repeat within a round: {noise:.2%}")
    for other in NAMES[1:]:
        logs = [math.log(one[other]["rate"] / one["A"]["rate"]) for one in rounds]
        print(f"{other} over A, mean of all rounds: {long_mean(logs)}")
    planned = rounds_of_final(every)
    print(f"a final of two may have {planned} rounds at the default setting")
    for other in NAMES[1:]:
        told, used = replay(rounds, other, planned)
        blocks = len(used)
        if not blocks:
            continue
        share = stats.binomtest(told, blocks).proportion_ci()
        repeats = statistics.fmean(used)
        print(
            f"A/{other}: told apart in {told} of {blocks} pairs ({told / blocks:.1%}, 95 %:"
            f" {share.low:.1%} to {share.high:.1%}); {repeats:.1f} repeats of each,"
            f" {2 * repeats * took:.0f} s a pair"
        )
        if blocks < BLOCKS:
            print(f"   fewer than {BLOCKS} pairs: {BLOCKS * planned} rounds are needed")


def long_mean(logs: Sequence[float]) -> str:
    if len(logs) < 2:
        return "not known yet"
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * error
    mean = statistics.fmean(logs)
    low, high = math.expm1(mean - half), math.expm1(mean + half)
    return f"{math.expm1(mean):+.2%} (95 %: {low:+.2%} to {high:+.2%})"


def rounds_of_final(measured: Sequence[Mapping[str, Any]]) -> int:
    """Of two contenders, where the search took 21 starts with two levels each."""
    level_s = statistics.fmean(one["measure_s"] for one in measured)
    around_s = statistics.fmean(one["start_s"] + one["warm_up_s"] for one in measured)
    searched_s = (EXPERIMENTS + 1) * (around_s + LEVELS * level_s)
    share = specification().optimization.confirm_budget
    two = [Candidate(number, 0.0, around_s + level_s) for number in (0, 1)]
    found = plan(two[0], two[1:], None, share * searched_s)
    if found is None:
        raise RuntimeError("two that are alike are a final")
    return found.rounds


def replay(
    rounds: Sequence[Mapping[str, Mapping[str, Any]]], other: str, planned: int
) -> tuple[int, list[int]]:
    """In how many blocks the two were told apart, and the repeats that each block took."""
    told, used = 0, []
    for first in range(0, len(rounds) - planned + 1, planned):
        readings: list[Reading] = []
        for at in range(1, planned + 1):
            one = rounds[first + at - 1]
            readings.append(Reading(0, at, math.log(one["A"]["rate"])))
            readings.append(Reading(1, at, math.log(one[other]["rate"])))
            is_last = at == planned
            comparison = compare(readings, rounds=at, planned=planned, is_last=is_last)
            if comparison is None:
                continue
            judged = judge(comparison, 0, [1], {})
            if judged.is_settled or is_last:
                over, under = comparison.difference(1, 0), comparison.difference(0, 1)
                told += over.is_told or under.is_told
                used.append(at)
                break
    return told, used


def flag_of(text: str) -> dict[str, Any]:
    name, _, value = text.partition("=")
    return {name: int(value) if value.isdigit() else value}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rounds", type=int, default=126)
    parser.add_argument("--requests", type=int, default=8, help="of each measurement")
    parser.add_argument("--flag", type=flag_of)
    given = parser.parse_args()
    collect(given.file, given.rounds, given.requests, given.flag)
    report(given.file)
