"""Where a benchmark's time goes beside the requests: genai-bench as it comes, and driven by us.

    python -m benchmarks.genai_bench_overhead

Two levels of 16 requests against a server of known pace; medians of `--repeats` runs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.accuracy import make_tokenizer
from experiments_app.benchmark import BenchmarkRequest, GenaiBench
from experiments_app.benchmark.results import LevelFile
from tests.known_pace_server import KnownPaceServer

WAIT_FOR_READY_S = 15.0


def seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def import_s(code: str) -> float:
    return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True))


def request_in(folder: Path, api_base: str) -> BenchmarkRequest:
    return BenchmarkRequest(
        api_base=api_base,
        backend="vllm",
        model_name="known-pace",
        tokenizer=str(make_tokenizer(folder / "tokenizer")),
        scenarios=("D(100,20)",),
        concurrencies=(4, 8),
        folder=folder / "results",
        max_requests_per_level=16,
    )


def stock_overhead_s(request: BenchmarkRequest) -> float:
    """Wall time minus what the requests of its levels needed at the least."""
    words = ["--api-backend", request.backend, "--api-base", request.api_base, "--api-key", "none"]
    words += ["--api-model-name", request.model_name, "--model-tokenizer", request.tokenizer]
    words += ["--task", request.task, "--max-time-per-run", "5", "--max-requests-per-run", "16"]
    words += ["--traffic-scenario", request.scenarios[0], "--metrics-refresh-interval", "5"]
    words += ["--num-concurrency", "4", "--num-concurrency", "8"]
    words += ["--experiment-base-dir", str(request.folder), "--experiment-folder-name", "stock"]
    wall_s = seconds(
        lambda: subprocess.run(
            [str(Path(sys.executable).with_name("genai-bench")), "benchmark", *words],
            env={**os.environ, "ENABLE_UI": "false", "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=request.folder.parent,
            check=True,
        )
    )
    needed_s = 0.0
    for path in request.folder.glob("stock/D100*.json"):
        level = LevelFile.model_validate_json(path.read_bytes())
        e2es_s = [metrics.e2e_latency or 0 for metrics in level.individual_request_metrics]
        needed_s += 16 / level.aggregated_metrics.num_concurrency * median(e2es_s)
    return wall_s - needed_s


def our_overheads_s(request: BenchmarkRequest, wait_s: float) -> tuple[float, float]:
    """(seconds until ready, seconds of `run` beside the levels when it came after `wait_s`)."""
    with GenaiBench(request) as bench:
        time.sleep(wait_s)
        began = time.monotonic()
        levels = bench.run()
        run_s = time.monotonic() - began
    return bench.ready_after_s or 0.0, run_s - sum(level.duration_s for level in levels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = range(parser.parse_args().repeats)
    trimmed = (
        "from experiments_app.benchmark.launcher.trim import trimmed_imports\n"
        "with trimmed_imports():\n import genai_bench.cli.cli"
    )
    results: dict[str, list[float]] = {}
    for _ in repeats:
        with KnownPaceServer() as server:
            figures = {
                "import genai-bench": import_s("import genai_bench.cli.cli"),
                "import genai-bench, trimmed": import_s(trimmed),
            }
            for name, wait_s in (("at once", 0.0), ("prepared early", WAIT_FOR_READY_S)):
                with tempfile.TemporaryDirectory() as folder:
                    request = request_in(Path(folder), server.api_base)
                    ready_s, beside_s = our_overheads_s(request, wait_s)
                figures["ours: start until ready to send"] = ready_s
                figures[f"ours: beside the levels, {name}"] = beside_s
            with tempfile.TemporaryDirectory() as folder:
                request = request_in(Path(folder), server.api_base)
                figures["stock: beside the levels"] = stock_overhead_s(request)
        for name, value in figures.items():
            results.setdefault(name, []).append(value)
    for name, values in results.items():
        print(f"{name:40} {median(values):6.2f} s   [{min(values):.2f} to {max(values):.2f}]")


if __name__ == "__main__":
    main()
