"""Measures a table of configurations of the real llama.cpp engine, for `manage.py replay`.

    chrt -f 20 python -m benchmarks.llamacpp_table HOME > tests/data/replay/NAME.json

160 of the 192 configurations of six flags, drawn without replacement, each at three loads, of the
built-in model on this machine's CPU: some 40 minutes on two cores. `chrt`, as root, gives the
engine and its client precedence over whatever else runs there; but not the client over the engine,
whose threads fill both cores: it then learns of tokens late, of several at once. That leaves the
throughput of a level alone and spoils its TTFT and TPOT, which the table therefore leaves out. HOME
is the AUTOTUNER_HOME to use; a table whose run is complete there is written again without
measuring.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from experiments_app.processes import physical_core_count as physical_cores

ROOT = Path(__file__).resolve().parent.parent
INPUT_TOKENS, OUTPUT_TOKENS = 32, 16
METRIC = "output_tokens_per_s_per_gpu"


def document() -> dict[str, Any]:
    cores = physical_cores()
    return {
        "task_name": "table of llama.cpp flags",
        "deployment_mode": "local",
        "base_runtime": "llamacpp",
        "model": {"id_or_path": "smollm2-135m"},
        "parameters": {
            "threads": [max(1, cores // 2), max(2, cores)],
            "parallel": [1, 2, 4, 8],
            "ubatch-size": [8, 64, 512],
            "flash-attn": ["on", "off"],
            "cache-type-k": ["f16", "q8_0"],
            "poll": [0, 50],
        },
        "optimization": {
            "strategy": "random",
            "objective": "maximize_throughput",
            "max_iterations": 160,
            "timeout_per_iteration": 300,
        },
        "benchmark": {
            "traffic_scenarios": [f"D({INPUT_TOKENS},{OUTPUT_TOKENS})"],
            "num_concurrency": [1, 4, 8],
            "max_requests_per_level": 8,
            "max_minutes_per_level": 2,
        },
    }


def manage(home: Path, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    environment = {**os.environ, "AUTOTUNER_HOME": str(home)}
    return subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def results(home: Path) -> dict[str, Any]:
    home.mkdir(parents=True, exist_ok=True)
    manage(home, "migrate", "--verbosity", "0")
    name = document()["task_name"]
    try:
        exported: dict[str, Any] = json.loads(
            manage(home, "export_results", name, "--format", "json")
        )
        if exported["status"] == "completed":
            return exported
    except subprocess.CalledProcessError:
        pass  # not run yet
    file = home / "task.json"
    file.write_text(json.dumps(document()))
    tuned: dict[str, Any] = json.loads(manage(home, "tune", str(file), "--json"))
    return tuned


def table(run: dict[str, Any]) -> dict[str, Any]:
    """The run in the format of the replay tables; the baseline is outside the space."""
    parameters = document()["parameters"]
    return {
        "name": "smollm2-135m-llamacpp-cpu",
        "source": "measured by benchmarks/llamacpp_table.py: llama.cpp (xllamacpp 2026.10), CPU",
        "licence": "Apache-2.0",
        "model": "smollm2-135m",
        "gpu": "cpu",
        "input_tokens": INPUT_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "objective": "maximize_throughput",
        "metric": METRIC,
        "slo": {},
        "parameters": parameters,
        "experiments": [
            cell(experiment)
            for experiment in run["experiments"]
            if set(parameters) <= set(experiment["parameters"])
        ],
    }


def cell(experiment: dict[str, Any]) -> dict[str, Any]:
    if experiment["status"] == "failed":
        return {
            "parameters": experiment["parameters"],
            "gpus": 1,
            "measurements": [],
            "status": "failed",
        }
    return {
        "parameters": experiment["parameters"],
        "gpus": 1,
        "measurements": [
            {
                "concurrency": level["concurrency"],
                METRIC: round(level["output_tokens_per_s"], 3),
            }
            for level in experiment["measurements"]
        ],
    }


if __name__ == "__main__":
    json.dump(table(results(Path(sys.argv[1]).resolve())), sys.stdout, indent=1)
    sys.stdout.write("\n")
