"""What we report against the truth of a server of known pace. By hand, on an idle machine:

    python -m benchmarks.accuracy

Prints a table: our TTFT, TPOT and tokens/s, and genai-bench's own tokens/s, each with its error;
the TTFT that a bare socket client sees at the same load; and how busy the client was. `--stock`
adds what genai-bench reports when it is run without our launcher. Below it: whether each level that
is not called client-bound was within what `client_limit` allows, which calibrates its limits.
"""

import argparse
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean

from experiments_app.benchmark import BenchmarkRequest, LevelResult, run_benchmark
from experiments_app.benchmark.client_limit import MAX_BUSY_SHARE, MAX_LAG_SHARE, WRONG
from experiments_app.benchmark.results import LevelFile
from tests.known_pace_server import KnownPaceServer

TTFT_S = 0.050
TPOT_S = 0.010
TOKENS = 100
E2E_S = TTFT_S + (TOKENS - 1) * TPOT_S


def make_tokenizer(folder: Path) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def bare_ttft_s(port: int, concurrency: int, requests: int) -> float:
    """Mean TTFT over plain sockets: as near to the server as a client gets."""
    body = json.dumps({"messages": [{"content": "a"}], "max_tokens": TOKENS, "stream": True})
    message = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    began: dict[socket.socket, float] = {}
    waiting: set[socket.socket] = set()
    ttfts_s: list[float] = []
    sent = 0
    while sent < requests or began:
        while len(began) < concurrency and sent < requests:
            at = time.monotonic()
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(message.encode())
            began[connection] = at
            waiting.add(connection)
            sent += 1
        for connection in select.select(list(began), [], [])[0]:
            data = connection.recv(65536)
            if connection in waiting and b"word" in data:
                waiting.discard(connection)
                ttfts_s.append(time.monotonic() - began[connection])
            if not data:
                del began[connection]
                connection.close()
    return fmean(ttfts_s)


def request_for(
    server: KnownPaceServer, folder: Path, concurrency: int, waves: int
) -> BenchmarkRequest:
    return BenchmarkRequest(
        api_base=server.api_base,
        backend="vllm",
        model_name="known-pace",
        tokenizer=str(make_tokenizer(folder / "tokenizer")),
        scenarios=(f"D(100,{TOKENS})",),
        concurrencies=(concurrency,),
        folder=folder / f"ours_{concurrency}",
        max_requests_per_level=max(12, waves * concurrency),
    )


def stock(request: BenchmarkRequest) -> LevelFile:
    """genai-bench as it comes, with the options that keep it fastest."""
    folder = request.folder.with_name("stock")
    options = {
        "--api-backend": request.backend,
        "--api-base": request.api_base,
        "--api-key": "none",
        "--api-model-name": request.model_name,
        "--model-tokenizer": request.tokenizer,
        "--task": request.task,
        "--max-time-per-run": "5",
        "--max-requests-per-run": str(request.max_requests_per_level),
        "--traffic-scenario": request.scenarios[0],
        "--num-concurrency": str(request.concurrencies[0]),
        "--metrics-refresh-interval": "5",
        "--experiment-base-dir": str(folder),
        "--experiment-folder-name": "results",
    }
    subprocess.run(
        [
            str(Path(sys.executable).with_name("genai-bench")),
            "benchmark",
            *(word for option in options.items() for word in option),
        ],
        env={
            **os.environ,
            "ENABLE_UI": "false",
            "HF_HUB_OFFLINE": "1",
            "GENAI_BENCH_LOGGING_LEVEL": "WARNING",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=request.folder.parent,
        check=True,
    )
    (path,) = folder.glob("results/D100*.json")
    return LevelFile.model_validate_json(path.read_bytes())


def cell(value: float, truth: float, digits: int = 1) -> str:
    return f"{value:.{digits}f} ({(value / truth - 1) * 100:+.1f} %)"


def short_by(result: LevelResult) -> float:
    """By what share the throughput is below the truth."""
    return 1 - result.output_tokens_per_s / (result.concurrency * TOKENS / E2E_S)


def calibration(results: list[LevelResult]) -> str:
    """What the limits let through, and what they flag."""
    passed = [result for result in results if not result.client_bound]
    flagged = [result for result in results if result.client_bound]
    wrong = [result for result in passed if short_by(result) > WRONG]
    most = max(map(short_by, passed), default=0.0)
    told = [
        f"limits: busy {MAX_BUSY_SHARE:.0%} of the time, lag {MAX_LAG_SHARE:.0%} of the mean TTFT",
        f"not flagged: {len(passed)} levels, low by {most:.1%} at most ({WRONG:.0%} is allowed)",
    ]
    if flagged:
        told.append(
            f"flagged: {len(flagged)} levels, the lowest at concurrency {flagged[0].concurrency},"
            f" low by {short_by(flagged[0]):.1%}"
        )
    told += [f"NOT FLAGGED though wrong: concurrency {one.concurrency}" for one in wrong]
    return "\n".join(told)


def row(result: LevelResult, bare_s: float, stock_result: LevelFile | None) -> list[str]:
    truth = result.concurrency * TOKENS / E2E_S
    samples = result.successes
    cells = [
        str(result.concurrency),
        cell(fmean(s.ttft_s or 0 for s in samples) * 1e3, TTFT_S * 1e3),
        cell(bare_s * 1e3, TTFT_S * 1e3),
        cell(fmean(s.tpot_s or 0 for s in samples) * 1e3, TPOT_S * 1e3, 2),
        cell(result.output_tokens_per_s, truth, 0),
        cell(result.reported.mean_output_throughput_tokens_per_s, truth, 0),
        f"{result.client_busy_share:.2f}",
        f"{result.client_lag_s * 1e3:.2f}",
        "yes" if result.client_bound else "",
    ]
    if stock_result:
        stats = stock_result.aggregated_metrics
        cells += [
            cell((stats.stats.ttft.mean or 0) * 1e3, TTFT_S * 1e3),
            cell((stats.stats.tpot.mean or 0) * 1e3, TPOT_S * 1e3, 2),
            cell(stats.mean_output_throughput_tokens_per_s, truth, 0),
        ]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("concurrency", type=int, nargs="*", default=[1, 4, 8, 16, 32, 64, 128, 256])
    parser.add_argument("--waves", type=int, default=5, help="requests of each user")
    parser.add_argument("--stock", action="store_true")
    args = parser.parse_args()
    heads = ["concurrency", "TTFT ms", "TTFT bare client", "TPOT ms", "tokens/s"]
    heads += ["tokens/s genai-bench", "busy", "lag ms", "client-bound"]
    if args.stock:
        heads += ["stock TTFT ms", "stock TPOT ms", "stock tokens/s"]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    results = []
    for concurrency in args.concurrency:
        with tempfile.TemporaryDirectory() as folder, KnownPaceServer() as server:
            request = request_for(server, Path(folder), concurrency, args.waves)
            (result,) = run_benchmark(request)
            results.append(result)
            bare_s = bare_ttft_s(server.port, concurrency, request.max_requests_per_level)
            other = stock(request) if args.stock else None
        print("| " + " | ".join(row(result, bare_s, other)) + " |", flush=True)
    print(f"\n{calibration(results)}")


if __name__ == "__main__":
    main()
