"""What a run was made with, as far as it takes to do it again: versions, hardware, settings.

What is known at the start is written into `Run.provenance` then, by the process that starts the
run, for the machine that it runs on. What only the experiments tell (image, engine, driver,
prompts) stands in their rows and is read from there: it is not kept twice.
"""

import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil
from django.conf import settings
from django.db.models import Min
from django.db.models.fields.json import KT
from django.utils import timezone

from autotuner_site.templatetags.site import site_version
from experiments_app import pinned_dataset, recorded_runtime
from experiments_app.benchmark.version import GENAI_BENCH_VERSION
from experiments_app.facts import cpu_name
from experiments_app.gpus import glance
from experiments_app.hub.cache import COMMIT, hf_home, main_snapshot
from experiments_app.hub_error import HubError
from experiments_app.models import Experiment, Measurement
from experiments_app.processes import physical_core_count
from experiments_app.site_settings import settings_in_force
from tasks_app.models import Run, Task
from tasks_app.spec import TaskSpec

GIT_LIMIT_S = 5.0
PACKAGES = ("xllamacpp",)
"""Engines that come with this installation."""
SETTINGS = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "HF_ENDPOINT", "HF_HUB_OFFLINE")
"""Of those that have a part in what a server gets; none of them is a secret, passwords in
addresses are masked."""


OBSERVED = {
    "images": "image_digest",
    "engine_versions": "engine_version",
    "drivers": "driver_version",
    "hosts": "owner_host",
}


def record(task: Task) -> None:
    """Keep what is known now with the task's current run, which has just begun."""
    spec = task.spec
    known = at_start(spec) | {recorded_runtime.KEY: recorded_runtime.to_record(spec)}
    task.runs.filter(number=task.run).update(provenance=known)


def note_model(task: Task, number: int, spec: TaskSpec) -> None:
    """The model's revision, where it was fetched only after the run's start."""
    revision = model_revision(spec)
    run = task.runs.filter(number=number).only("provenance").first() if revision else None
    if run and run.provenance and not run.provenance.get("model_revision"):
        task.runs.filter(pk=run.pk).update(provenance=run.provenance | {"model_revision": revision})


def at_start(spec: TaskSpec) -> dict[str, Any]:
    """`{recorded_at, versions: {name: version}, hardware: {…}, settings: {NAME: shown value},
    model_revision, dataset}`; JSON, fit for anybody to read."""
    return {
        "recorded_at": timezone.now().isoformat(timespec="seconds"),
        "versions": versions(),
        "hardware": hardware(),
        "settings": {
            name: setting.shown
            for name, setting in settings_in_force().items()
            if name in SETTINGS and setting.value
        },
        "model_revision": model_revision(spec),
        "dataset": pinned_dataset.facts_of(spec),
    }


def versions() -> dict[str, str]:
    """Of ours and what comes with it; what is not known is left out."""
    found = {
        "autotuner": site_version(),
        "commit": _commit(),
        "python": platform.python_version(),
        "genai-bench": GENAI_BENCH_VERSION,
        "driver": glance().driver_version,
    }
    found |= {name: _package_version(name) for name in PACKAGES}
    return {name: text for name, text in found.items() if text}


def hardware() -> dict[str, Any]:
    """Of this host; sizes in bytes, power limits in watts."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu_name(),
        "physical_cores": physical_core_count(),
        "logical_cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": [
            {
                "name": gpu.name,
                "memory_bytes": gpu.memory_total_bytes,
                "power_limit_w": gpu.power_limit_w,
            }
            for gpu in glance().gpus
        ],
    }


def model_revision(spec: TaskSpec) -> str | None:
    """The commit of the hub's model that is in the cache here; None for a file, or before it was
    fetched."""
    try:
        snapshot = main_snapshot(spec.model.id_or_path, hf_home())
    except HubError:  # no id of the hub
        return None
    return snapshot.name if snapshot and COMMIT.fullmatch(snapshot.name) else None


def observed(run: Run) -> dict[str, Any]:
    """What the experiments of the run tell: each list holds what differed, in order of use.

    `prompts`: by `scenario × concurrency` the hash of what was sent the first time.
    """
    of_run = Experiment.objects.executions_of_run(run.task, run.number)
    rows = of_run.order_by().values_list(*OBSERVED.values()).annotate(first=Min("pk"))
    used = sorted(rows, key=lambda row: row[-1])
    columns = {name: _each_once(row[place] for row in used) for place, name in enumerate(OBSERVED)}
    return {**columns, "prompts": _prompts(run)}


def whole(run: Run) -> dict[str, Any]:
    """All that is known beside the spec: what was recorded at the start, and what the experiments
    told since."""
    return {
        **(run.provenance or {}),
        "observed": observed(run),
        "seed": run.task_spec.optimization.seed,
    }


def _prompts(run: Run) -> dict[str, str]:
    levels = (
        Measurement.objects.filter(experiment__task=run.task, experiment__run=run.number, repeat=1)
        .order_by("scenario", "concurrency")
        .values_list("scenario", "concurrency", KT("conditions__prompts"))
        .distinct()  # of texts: PostgreSQL compares no JSON
    )
    found: dict[str, list[str]] = {}
    for scenario, load, prompts in levels:
        if prompts:
            found.setdefault(f"{scenario} × {load}", []).append(prompts)
    return {level: "; ".join(hashes) for level, hashes in found.items()}


def _each_once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


@cache
def _commit() -> str:
    """Of this checkout, with `-dirty` where it was changed; empty where it is none."""
    if not (settings.BASE_DIR / ".git").exists():
        return ""
    words = ["git", "-C", str(settings.BASE_DIR), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        told = subprocess.run(
            words, capture_output=True, text=True, timeout=GIT_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()


def _package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
