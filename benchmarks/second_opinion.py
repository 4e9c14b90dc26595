"""The same server under the same load, measured by us and by an independent client, GuideLLM.

    python -m benchmarks.second_opinion

The built-in model on llama.cpp with one thread, so that the clients have a core to themselves; the
same prompt lengths, `ignore_eos`, temperature 0, each concurrency in turn. In every round both
measure each concurrency, one right after the other, and who comes first alternates: what else the
machine does meets both. Printed is, for each metric and concurrency, theirs over ours with a 95 %
interval over the rounds. The default takes some 45 minutes on two cores.

The lengths of answers are drawn from a range, anew in every round, and both ask for the same ones
in the same order. With one length for all, all users end and begin together. Even so, two users
happen to begin in the same step of the server at times, and both wait for both prompts then: which
do is decided by milliseconds, so it takes a hundred requests until that evens out. It counts for
half as much where the server takes in one prompt at a time, as this one does (`--batch-size`), and
the requests that all users begin with are left out of the latencies.

GuideLLM is installed into a virtual environment of its own, in the user's cache folder, unless
`--client-python` names one that has it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import httpx

from benchmarks import guidellm_client
from benchmarks.client_figures import (
    Agreement,
    Answer,
    ClientFigures,
    after_the_first_wave,
    agreement,
)
from experiments_app.benchmark import BenchmarkRequest, LevelResult, run_benchmark
from experiments_app.benchmark.results import RequestSample
from experiments_app.benchmark.warmup import warm_up
from experiments_app.engines.model_source import ModelSource, resolve_model
from tests.ports import free_port

MODEL = "smollm2-135m"
CACHE = Path("~/.cache/inference-autotuner/guidellm").expanduser()
READY_S = 120
CHAT_TEMPLATE = 30  # tokens
AIM = 0.03
METRICS = {
    "output tokens/s": "output_tokens_per_s",
    "TTFT, mean s": "ttft_s",
    "TPOT, mean s": "tpot_s",
}
REPORTED = {
    "tokens/s by its own definition": ("output_tokens_per_s", "reported_output_tokens_per_s"),
    "TPOT by its own definition": ("tpot_s", "reported_tpot_s"),
}
Pair = tuple[ClientFigures, ClientFigures]


@contextmanager
def server(model: ModelSource, parallel: int, prompt: int, answer: int) -> Iterator[str]:
    """The address of a llama.cpp server with room for `parallel` requests of so many tokens, which
    takes in the prompt of one of them at a time."""
    port = free_port()
    words = [sys.executable, "-m", "experiments_app.llamacpp.server", "--model", model.path]
    words += ["--port", str(port), "--alias", MODEL, "--threads", "1"]
    words += ["--parallel", str(parallel), "--ctx-size", str(parallel * (prompt + answer + 160))]
    words += ["--batch-size", str(prompt + CHAT_TEMPLATE + 2)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_ready(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    sys.exit("the server did not get ready")


@dataclass(frozen=True)
class Load:
    """What both clients are given: one server, one model, one shape of requests."""

    address: str
    model: ModelSource
    length: int
    answers: tuple[int, int]
    least_requests: int
    client_python: Path
    folder: Path

    @property
    def scenario(self) -> str:
        low, high = self.answers
        return f"U({self.length},{self.length})/({low},{high})"

    def requests_at(self, concurrency: int) -> int:
        """At least six for each user, so that the first wave does not decide."""
        return max(self.least_requests, 6 * concurrency)

    def lengths(self, concurrency: int, seed: int) -> list[int]:
        """Of the answers that ours asks for, in order."""
        words = [sys.executable, "-m", "benchmarks.asked_lengths", self.scenario]
        words += [str(concurrency), str(seed), str(self.requests_at(concurrency))]
        answers: list[int] = json.loads(subprocess.check_output(words))
        return answers

    def ours(self, concurrency: int, seed: int) -> ClientFigures:
        request = BenchmarkRequest(
            api_base=self.address,
            backend="vllm",
            model_name=MODEL,
            tokenizer=self.model.tokenizer,
            scenarios=(self.scenario,),
            concurrencies=(concurrency,),
            folder=self.folder / f"ours_{concurrency}_{seed}",
            max_requests_per_level=self.requests_at(concurrency),
            seed=seed,
            additional_params={"ignore_eos": True, "temperature": 0.0},
        )
        level = run_benchmark(request)[0]
        asked = sorted(sample.asked_output_tokens or 0 for sample in level.samples)
        if asked != sorted(self.lengths(concurrency, seed)):
            sys.exit("the two would not ask for the same: asked_lengths.py draws other lengths")
        return our_figures(level)

    def theirs(self, concurrency: int, seed: int) -> ClientFigures:
        prompts = self.folder / f"theirs_{concurrency}_{seed}.jsonl"
        guidellm_client.write_prompts(
            prompts,
            tokenizer=self.model.tokenizer,
            length=self.length,
            # More than are sent: it begins anew at the end, with prompts that the cache knows then.
            answers=2 * self.lengths(concurrency, seed),
            seed=seed * 1000 + concurrency,
        )
        return guidellm_client.measure(
            self.client_python,
            api_base=self.address,
            model_name=MODEL,
            tokenizer=self.model.tokenizer,
            prompts=prompts,
            concurrency=concurrency,
            requests=self.requests_at(concurrency),
        )


def our_figures(level: LevelResult) -> ClientFigures:
    samples = level.successes
    steady = after_the_first_wave([answer_of(sample) for sample in samples])
    tpot_s = fmean(answer.tpot_s for answer in steady)
    return ClientFigures(
        output_tokens_per_s=level.output_tokens_per_s,
        reported_output_tokens_per_s=level.reported.mean_output_throughput_tokens_per_s,
        ttft_s=fmean(answer.ttft_s for answer in steady),
        tpot_s=tpot_s,
        reported_tpot_s=tpot_s,
        requests=len(samples),
        errors=level.num_errors,
        input_tokens=fmean(s.input_tokens for s in samples),
        output_tokens=fmean(s.output_tokens for s in samples),
    )


def answer_of(sample: RequestSample) -> Answer:
    first_token_s = sample.start_s + (sample.ttft_s or 0.0)
    return Answer(
        sample.start_s, first_token_s, sample.end_s, sample.output_tokens, sample.tpot_s or 0.0
    )


def pair_of(load: Load, concurrency: int, seed: int) -> Pair:
    """Both, one right after the other; who comes first alternates with the seed."""
    if seed % 2:
        mine = load.ours(concurrency, seed)
        return mine, load.theirs(concurrency, seed)
    other = load.theirs(concurrency, seed)
    return load.ours(concurrency, seed), other


def agreements(pairs: Mapping[int, Sequence[Pair]]) -> list[Agreement]:
    """For each metric, by our definition and by theirs, at each concurrency of `pairs`."""
    compared = {name: (field, field) for name, field in METRICS.items()} | REPORTED
    return [
        agreement(
            name,
            concurrency,
            [(getattr(mine, ours), getattr(other, theirs)) for mine, other in rounds],
        )
        for name, (ours, theirs) in compared.items()
        for concurrency, rounds in pairs.items()
    ]


def row(one: Agreement) -> str:
    low, high = one.ci95 or (float("nan"), float("nan"))
    judged = "" if one.metric in REPORTED else "yes" if abs(one.ratio - 1) <= AIM else "no"
    cells = [one.metric, str(one.concurrency), f"{one.ours:.4g}", f"{one.theirs:.4g}"]
    cells += [f"{one.ratio - 1:+.1%}", f"{low - 1:+.1%} to {high - 1:+.1%}", judged]
    return "| " + " | ".join(cells) + " |"


def counted(pairs: Mapping[int, Sequence[Pair]]) -> str:
    """The tokens and errors that either counted: if these differ, so was the load."""
    lines = []
    for name, index in (("ours", 0), ("theirs", 1)):
        figures = [pair[index] for rounds in pairs.values() for pair in rounds]
        lines.append(
            f"{name}: {sum(f.requests for f in figures)} requests,"
            f" {sum(f.errors for f in figures)} errors, mean tokens"
            f" in {fmean(f.input_tokens for f in figures):.2f},"
            f" out {fmean(f.output_tokens for f in figures):.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--client-python", type=Path, help="of an environment with GuideLLM")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=100, help="of a level, at the least")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--length", type=int, default=64, help="tokens of a prompt")
    parser.add_argument(
        "--answers", type=int, nargs=2, default=[16, 48], help="tokens, from and to"
    )
    parser.add_argument("--json", type=Path, help="where to keep every figure")
    args = parser.parse_args()
    python = args.client_python or guidellm_client.install(CACHE)
    answers = (args.answers[0], args.answers[1])
    pairs: dict[int, list[Pair]] = {concurrency: [] for concurrency in args.concurrency}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = resolve_model(MODEL, home=folder)
        with server(model, max(args.concurrency), args.length, answers[1]) as address:
            load = Load(address, model, args.length, answers, args.requests, python, folder)
            most = max(args.concurrency)
            warm_up(address, MODEL, scenarios=(load.scenario,), own=None, concurrency=most)
            for seed in range(1, args.rounds + 1):
                for concurrency in args.concurrency:
                    pairs[concurrency].append(pair_of(load, concurrency, seed))
    found = agreements(pairs)
    print("| metric | concurrency | ours | GuideLLM | GuideLLM over ours | 95 % | within 3 % |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(map(row, found)))
    print(counted(pairs))
    if args.json:
        rounds = {c: [[asdict(f) for f in pair] for pair in pairs[c]] for c in pairs}
        agreed = [asdict(one) for one in found]
        args.json.write_text(json.dumps({"rounds": rounds, "agreements": agreed}, indent=1))


if __name__ == "__main__":
    main()
