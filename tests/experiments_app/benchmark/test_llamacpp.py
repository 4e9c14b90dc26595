"""Against the real llama.cpp: what was asked for is what is generated."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from experiments_app.benchmark import BenchmarkRequest, run_benchmark
from experiments_app.llamacpp.tokenizer import build_tokenizer
from tests.waiting import wait_for


def is_healthy(api_base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api_base}/health", timeout=1) as answer:
            return bool(json.load(answer)["status"] == "ok")
    except (urllib.error.URLError, OSError):
        return False


def test_it_gets_exactly_the_tokens_it_asks_for(
    tmp_path: Path, tiny_model: Path, port: int
) -> None:
    api_base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "experiments_app.llamacpp.server", "--model", str(tiny_model)]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--alias", "tiny"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: is_healthy(api_base), timeout_s=20)
        time.sleep(0.1)
        results = run_benchmark(
            BenchmarkRequest(
                api_base=api_base,
                backend="vllm",
                model_name="tiny",
                tokenizer=str(build_tokenizer(tiny_model, tmp_path / "tokenizers")),
                scenarios=("D(50,40)", "D(100,20)"),
                concurrencies=(1, 4),
                folder=tmp_path / "results",
                max_requests_per_level=8,
                max_minutes_per_level=1,
            )
        )
    finally:
        server.kill()
        server.wait()
    lengths = [{sample.output_tokens for sample in result.samples} for result in results]
    assert lengths == [{40}, {40}, {20}, {20}]
    assert sum(result.num_errors + result.num_cut_off for result in results) == 0
    prompts = [{sample.input_tokens for sample in result.samples} for result in results]
    template = min(prompts[0]) - 50  # what the chat template adds, the same for every prompt
    assert template >= 0
    assert prompts == [{50 + template}] * 2 + [{100 + template}] * 2
