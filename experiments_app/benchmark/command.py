"""How genai-bench is started: which Python, with which arguments, and what it sees of ours."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from experiments_app.benchmark.errors import BenchmarkError, ErrorKind
from experiments_app.benchmark.request import BenchmarkRequest
from tasks_app.datasets.files import PROMPTS

PROJECT_ROOT = Path(__file__).resolve().parents[2]

PASSED_ON = (
    "CURL_CA_BUNDLE",
    "HF_ENDPOINT",
    "HF_HOME",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CACHE_HOME",
)
"""All that genai-bench gets of our environment: it would write a stranger's token to its logs."""

FIXED: Mapping[str, str] = {
    "ENABLE_UI": "false",
    "GENAI_BENCH_LOGGING_LEVEL": "WARNING",
    "PYTHONPATH": str(PROJECT_ROOT),
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
KEY_PLACEHOLDER = "set-by-the-launcher"


def python_of(genai_bench_path: Path | None) -> Path:
    """The Python that genai-bench is installed for; ours without a path. Raises BenchmarkError."""
    if genai_bench_path is None:
        return Path(sys.executable)
    path = genai_bench_path.expanduser()
    if path.is_dir():
        path = path / "bin" / "python"
    python = path if path.name.startswith("python") else path.with_name("python")
    if not python.is_file() or not os.access(python, os.X_OK):
        raise BenchmarkError(
            ErrorKind.OTHER,
            f"GENAI_BENCH_PATH is {genai_bench_path}, but there is no Python at {python}. It must "
            "be a virtual environment with genai-bench, or its bin/python or bin/genai-bench",
        )
    return python


def launcher(python: Path, events_fd: int) -> list[str]:
    return [str(python), "-m", "experiments_app.benchmark.launcher", str(events_fd)]


def configuration(request: BenchmarkRequest) -> dict[str, Any]:
    """What the launcher is told on its standard input, the key included. Raises BenchmarkError."""
    if len(set(request.levels)) != len(request.levels) or not request.levels:
        raise BenchmarkError(
            ErrorKind.OTHER, f"Each (scenario, concurrency) must be given once: {request.levels}"
        )
    return {
        "arguments": arguments(request),
        "api_base": request.api_base,
        "api_key": request.api_key,
        "folder": str(request.folder.resolve()),
        "levels": request.levels,
        "requests": request.max_requests_per_level,
        "seed": request.seed,
        "request_set": request.request_set,
        "fresh_prompts": request.fresh_prompts,
        "dataset": _own_prompts(request),
    }


def _own_prompts(request: BenchmarkRequest) -> dict[str, Any] | None:
    own = request.dataset
    if own is None:
        return None
    return {
        "folder": str(own.folder.resolve()),
        "sha256": own.sha256,
        "output_tokens": own.output_tokens,
    }


def arguments(request: BenchmarkRequest) -> list[str]:
    """The arguments of `genai-bench benchmark`."""
    folder = request.folder.resolve()
    options = {
        "--api-backend": request.backend,
        "--api-base": request.api_base,
        "--api-key": KEY_PLACEHOLDER,
        "--api-model-name": request.model_name,
        "--model-tokenizer": request.tokenizer,
        "--task": request.task,
        "--max-time-per-run": str(request.max_minutes_per_level),
        "--max-requests-per-run": str(request.max_requests_per_level),
        "--additional-request-params": json.dumps(dict(request.additional_params)),
        "--experiment-base-dir": str(folder.parent),
        "--experiment-folder-name": folder.name,
        "--metrics-time-unit": "s",
        # Percentiles for a display that nobody sees; without this they are taken at each request.
        "--metrics-refresh-interval": "3600",
    }
    if request.dataset is not None:
        options["--dataset-path"] = str(request.dataset.folder.resolve() / PROMPTS)
    words = [word for option in options.items() for word in option]
    for scenario in request.scenarios:
        words += ["--traffic-scenario", scenario]
    for concurrency in request.concurrencies:
        words += ["--num-concurrency", str(concurrency)]
    return words


def environment(request: BenchmarkRequest) -> dict[str, str]:
    ours = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    given = dict(request.environment)
    result = {**ours, **FIXED, **given}
    if Path(request.tokenizer).exists():
        result |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    no_proxy = _no_proxy(given, urlsplit(request.api_base).hostname or "")
    return {**result, "NO_PROXY": no_proxy, "no_proxy": no_proxy}


def _no_proxy(given: Mapping[str, str], host: str) -> str:
    """The engine is always asked directly."""
    names = (given.get("NO_PROXY") or given.get("no_proxy") or "").split(",")
    wanted = [name.strip() for name in (*names, *LOOPBACK, host)]
    return ",".join(dict.fromkeys(name for name in wanted if name))
