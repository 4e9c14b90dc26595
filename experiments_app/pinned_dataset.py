"""The data set of a run: what its name stood for at the start, and nothing else later."""

from collections.abc import Iterator
from typing import Any

from experiments_app.benchmark import BenchmarkError, ErrorKind
from experiments_app.benchmark.request import OwnPrompts
from experiments_app.models import Experiment
from tasks_app.datasets.lengths import QUANTILES
from tasks_app.models import Dataset, Run
from tasks_app.spec import TaskSpec

CHARACTERS_OF_TOKEN = 4


def facts_of(spec: TaskSpec) -> dict[str, Any] | None:
    """What is known of it, for the provenance; None without one."""
    if spec.benchmark.dataset is None:
        return None
    columns = ("name", "sha256", "rows", "source", "format", "prompt_column", "answer_column")
    ready = Dataset.objects.ready().filter(name=spec.benchmark.dataset)
    return next((dict(row) for row in ready.values(*columns)), None)


def pinned_sha256(run: Run) -> str | None:
    dataset = (run.provenance or {}).get("dataset") or {}
    return dataset.get("sha256")


def own_prompts(experiment: Experiment, spec: TaskSpec) -> OwnPrompts | None:
    """For the load client. Raises BenchmarkError where the data set is gone, or another one."""
    name = spec.benchmark.dataset
    if name is None:
        return None
    run = Run.objects.filter(task=experiment.task_id, number=experiment.run).first()
    found = Dataset.objects.ready().filter(name=name).first()
    if found is None:
        raise BenchmarkError(ErrorKind.OTHER, f"The data set {name!r} is no more on this site.")
    pinned = pinned_sha256(run) if run else None
    if pinned and pinned != found.sha256:
        raise BenchmarkError(
            ErrorKind.OTHER,
            f"The data set {name!r} is not the one that the run began with (SHA-256 {pinned[:12]}"
            " then). Restart the task to measure with the new one.",
        )
    return OwnPrompts(
        found.folder,
        found.sha256,
        spec.benchmark.dataset_output_tokens,
        tuple(_quantiles(found)),
    )


def _quantiles(dataset: Dataset) -> Iterator[tuple[float, float]]:
    """Of the prompts' tokens; by their characters where no tokens were counted."""
    prompts = dataset.lengths.get("prompts") or {}
    counted = prompts.get("tokens")
    known, unit = (counted, 1) if counted else (prompts.get("characters"), CHARACTERS_OF_TOKEN)
    for name, percent in {"min": 0, **QUANTILES, "max": 100}.items():
        if known:
            yield percent / 100, known[name] / unit
