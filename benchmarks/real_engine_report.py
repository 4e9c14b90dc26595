"""The page docs/real-engines.md, from the results of `manage.py tune --json`."""

import platform
import shlex
from pathlib import Path
from typing import Any

import psutil

HEAD = """\
# The shipped runtimes against the real engines

The files `tasks_app/runtimes/vllm.yaml` and `sglang.yaml` say how vLLM and SGLang are started,
which flags they have, where they tell that they are ready and how the load client speaks to them.
Here both were tried against the real programs, built for the CPU, in local mode: the same command
template, flags, readiness, benchmark and log reading as on GPUs, and nothing in place of a server.

    .venv/bin/python benchmarks/real_engines.py FOLDER

makes this page: it installs both engines under FOLDER (11 GB), compares every flag of the two
catalogues with the engines' own argument parsers, makes a folder of SmolLM2-135M from the weights
that come with the installation, and tunes it on each engine by `manage.py tune`. The figures tell
that the runtimes work and that the flags matter; of what a GPU does they tell nothing. With eight
requests at once a limit of 16 is no limit: those rows and the baseline do nearly the same work, and
what lies between them is the noise of this machine, not a gain.
"""


def page(
    results: dict[str, dict[str, Any]],
    documents: dict[str, dict[str, Any]],
    packages: dict[str, str],
    note: str,
) -> str:
    parts = [HEAD, f"Measured on {_machine()}. {note}".rstrip() + "\n"]
    for engine, result in results.items():
        parts.append(f"## {engine}: {packages[engine]}\n")
        parts.append(_summary(result, documents[engine]))
        parts.append(_table(result, list(documents[engine]["parameters"])))
        parts.append("The best one's command:\n")
        parts.append(f"    {_command(result)}\n")
    return "\n".join(parts)


def _machine() -> str:
    memory_gib = round(psutil.virtual_memory().total / 1024**3)
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{len(names)} cores of {names[0]}, {memory_gib} GiB, {platform.system()}, no GPU"


def _summary(result: dict[str, Any], document: dict[str, Any]) -> str:
    fixed = ", ".join(f"{name} {value}" for name, value in document["fixed_parameters"].items())
    load = document["benchmark"]
    gain = result["gain"]
    told = "" if gain is None else f" The best is {gain:+.0%} over the baseline."
    return (
        f"Always set: {fixed}. {load['max_requests_per_level']} requests of"
        f" {load['traffic_scenarios'][0]}, {load['num_concurrency'][0]} at once.{told}\n"
    )


def _table(result: dict[str, Any], names: list[str]) -> str:
    rows = [
        "| # | " + " | ".join(names) + " | output tokens/s | median TTFT | mean TPOT | start |",
        "|--:|" + "--:|" * (len(names) + 4),
    ]
    for experiment in result["experiments"]:
        values = [str(experiment["parameters"].get(name, "–")) for name in names]
        figures = _figures(experiment)
        number = "baseline" if experiment["number"] == 0 else str(experiment["number"])
        if result["best"] and experiment["number"] == result["best"]["number"]:
            number = f"**{number}**"
        rows.append("| " + " | ".join([number, *values, *figures]) + " |")
    return "\n".join(rows) + "\n"


def _figures(experiment: dict[str, Any]) -> list[str]:
    if not experiment["measurements"]:
        return [experiment["status"], "", "", ""]
    [point] = experiment["measurements"]
    start_s = experiment["phases_s"].get("start")
    return [
        f"{point['output_tokens_per_s']:.0f}",
        f"{point['ttft_p50_s']:.2f} s",
        f"{point['tpot_mean_s'] * 1000:.0f} ms",
        "" if start_s is None else f"{start_s:.0f} s",
    ]


def _command(result: dict[str, Any]) -> str:
    best = result["best"]
    if not best:
        return "(none succeeded)"
    words = [f"FOLDER/{Path(word).name}" if word[:1] == "/" else word for word in best["command"]]
    return shlex.join(words)
