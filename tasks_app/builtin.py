"""The task that a newcomer's first command runs: a small real model on this machine's CPU."""

from typing import Any

BUILTIN_TASK_NAME = "smollm2-135m on llama.cpp"


def builtin_task(physical_cores: int) -> dict[str, Any]:
    """The task document for a machine with so many physical cores.

    Twelve configurations of three flags in a budget that holds them all, at a load of eight
    requests at once; about 35 s an experiment on two slow cores, less on anything faster.
    """
    threads = sorted({max(1, physical_cores // 2), physical_cores})
    if len(threads) == 1:
        threads.append(2 * physical_cores)
    return {
        "task_name": BUILTIN_TASK_NAME,
        "description": (
            "Which llama.cpp flags serve SmolLM2-135M-Instruct best on this machine's CPU? "
            "The weights come with the installation: no GPU, container or download is needed. "
            "Eight clients ask at once for 32 tokens each; the baseline is the server's own "
            "defaults. threads decides how many cores compute a step, parallel how many requests "
            "share it, ubatch-size how many prompt tokens a pass takes."
        ),
        "deployment_mode": "local",
        "base_runtime": "llamacpp",
        "model": {"id_or_path": "smollm2-135m"},
        "parameters": {
            "threads": threads,
            "parallel": [1, 4, 8],
            "ubatch-size": [64, 512],
        },
        "optimization": {
            "strategy": "grid_search",
            "objective": "maximize_throughput",
            "max_iterations": 12,
            "timeout_per_iteration": 300,
        },
        "benchmark": {
            "traffic_scenarios": ["D(64,32)"],
            "num_concurrency": [8],
            "max_requests_per_level": 24,
            "max_minutes_per_level": 3,
        },
    }
