"""GuideLLM as an independent client: installed apart, run as a program, its report read.

What it calls things stands in docs/second-opinion.md.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.client_figures import (
    Answer,
    ClientFigures,
    after_the_first_wave,
    tokens_per_s,
)
from experiments_app.benchmark.launcher.exact_prompts import with_length

VERSION = "0.8.1"
LINES_A_PROMPT = 24
TIME_LIMIT_S = 300


def install(folder: Path) -> Path:
    """The Python of a virtual environment with GuideLLM, made once (some 6 GB)."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / "guidellm").exists():
        beside = Path(sys.executable).with_name("uv")
        uv = str(beside) if beside.exists() else "uv"
        subprocess.run([uv, "venv", "--quiet", "--clear", str(folder)], check=True)
        words = [uv, "pip", "install", "--quiet", "--python", str(python), f"guidellm=={VERSION}"]
        subprocess.run(words, check=True)
    return python


def write_prompts(
    path: Path, *, tokenizer: str, length: int, answers: Sequence[int], seed: int
) -> None:
    """A prompt for each of `answers`, their lengths in tokens. Made as genai-bench makes them: of
    lines of the same sonnets, cut to exactly `length` tokens.

    Not the very ones of our own run on the same server: its prefix cache would answer them.
    """
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(tokenizer)
    lines = [line for line in _sonnets().read_text().splitlines() if line.strip()]
    choose = random.Random(seed)
    with path.open("w") as file:
        for number, answer in enumerate(answers):
            # Begun as ours are, so that no prompt shares its first lines with one before it.
            head = hashlib.sha256(f"{seed} {number}".encode()).hexdigest()[:8]
            text = "\n".join(choose.sample(lines, LINES_A_PROMPT))
            prompt = with_length(f"{head} {text}", length, tokens)
            row = {
                "prompt": prompt,
                "prompt_tokens_count": length,
                "output_tokens_count": answer,
            }
            file.write(json.dumps(row) + "\n")


def _sonnets() -> Path:
    """genai-bench's own text, found without importing it: that would patch this process."""
    found = find_spec("genai_bench")
    if found is None or found.origin is None:
        sys.exit("genai-bench is not installed: install requirements.lock again")
    return Path(found.origin).parent / "data" / "sonnet.txt"


def measure(
    python: Path,
    *,
    api_base: str,
    model_name: str,
    tokenizer: str,
    prompts: Path,
    concurrency: int,
    requests: int,
) -> ClientFigures:
    """One level. `min_requests` keeps all users busy until the last of `requests` is answered, as
    ours does. Raises CalledProcessError when GuideLLM fails."""
    report = prompts.with_suffix(".report.json")
    options: dict[str, dict[str, Any]] = {
        "--backend": {
            "kind": "openai_http",
            "target": api_base,
            "model": model_name,
            # It sends no temperature by itself: the server would then draw from its own default.
            "extras": {"body": {"temperature": 0.0}},
        },
        "--profile": {"kind": "concurrent", "streams": [concurrency]},
        "--constraint": {"kind": "min_requests", "count": requests},
        "--tokenizer": {"kind": "huggingface_auto", "model": tokenizer},
        "--data": {"kind": "json_file", "path": str(prompts)},
        "--output": {"kind": "json", "path": str(report)},
    }
    words = [word for name, value in options.items() for word in (name, json.dumps(value))]
    done = subprocess.run(
        [str(python.with_name("guidellm")), "run", "--disable-console", *words],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(prompts.parent / "hf")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    if not report.exists():
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout[-2000:])
    return figures_of(json.loads(report.read_text())["benchmarks"][0])


def figures_of(benchmark: dict[str, Any]) -> ClientFigures:
    """One benchmark of a report, in our units, and means over requests.

    Its own throughput is kept as it says it; beside it stands the one over our window, which is
    reckoned from its requests' times.
    """
    metrics, requests = benchmark["metrics"], benchmark["requests"]
    answers = [_answer(request) for request in requests["successful"]]
    steady = after_the_first_wave(answers)
    unfinished = [r["request_start_time"] for r in requests["incomplete"] or []]
    return ClientFigures(
        output_tokens_per_s=tokens_per_s(answers, unfinished),
        reported_output_tokens_per_s=_mean(metrics, "output_tokens_per_second"),
        ttft_s=fmean(answer.ttft_s for answer in steady),
        tpot_s=fmean(answer.tpot_s for answer in steady),
        reported_tpot_s=_mean(metrics, "time_per_output_token_ms") / 1000,
        requests=len(answers),
        errors=len(requests["errored"] or []),
        input_tokens=_mean(metrics, "prompt_token_count"),
        output_tokens=_mean(metrics, "output_token_count"),
    )


def _mean(metrics: dict[str, Any], name: str) -> float:
    return float(metrics[name]["successful"]["mean"])


def _answer(request: dict[str, Any]) -> Answer:
    start = request["request_start_time"]
    return Answer(
        start_s=start,
        first_token_s=start + request["time_to_first_token_ms"] / 1000,
        end_s=request["request_end_time"],
        tokens=request["output_tokens"],
        tpot_s=request["inter_token_latency_ms"] / 1000,
    )
