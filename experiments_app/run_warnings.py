"""What keeps whole runs from being compared, or makes it less certain. Pure functions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from experiments_app import words
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from tasks_app.spec import TaskSpec


def warnings_of(overviews: Sequence[TaskOverview], shown: Sequence[Experiment | None]) -> list[str]:
    """`shown` are the experiments that stand for the runs. The gravest first."""
    if len(overviews) < 2:
        return []
    specs = [overview.spec for overview in overviews]
    return [*_of_load(specs), *_of_figures(overviews), *_of_machines(specs, shown)]


def _of_load(specs: Sequence[TaskSpec]) -> Iterator[str]:
    if found := _unlike(specs, lambda s: words.OBJECTIVES[s.optimization.objective]):
        yield f"The objectives differ ({found}): their scores mean different things."
    if found := _unlike(specs, lambda s: s.model.id_or_path):
        yield f"The models differ: {found}."
    if found := _unlike(specs, _load_of):
        yield (
            f"The loads differ ({found}): scores were reached under different loads. Compare the"
            " load levels that are the same."
        )
    if found := _unlike(specs, lambda s: str(s.benchmark.additional_params or "none")):
        yield f"The requests differ in their parameters: {found}."
    if found := _unlike(specs, lambda s: s.tokenizer):
        yield f"The tokenizers differ ({found}): prompts of the same length are not the same."
    if found := _unlike(specs, lambda s: str(s.benchmark.max_requests_per_level)):
        yield f"The requests per load level differ ({found}): fewer requests are less certain."
    if found := _unlike(specs, _slo_of):
        yield f"The SLOs differ ({found}): what holds one may break another."


def _of_figures(overviews: Sequence[TaskOverview]) -> Iterator[str]:
    for letter, overview in zip("ABCDEF", overviews, strict=False):
        if overview.is_open:
            yield f"{letter} has not ended: its best may change."
        for doubt in overview.doubts:
            yield f"In {letter} {doubt}."


def _of_machines(specs: Sequence[TaskSpec], shown: Sequence[Experiment | None]) -> Iterator[str]:
    known = [experiment for experiment in shown if experiment is not None]
    if found := _unlike(known, lambda e: e.owner_host or "unknown"):
        yield f"They ran on different machines: {found}."
    if found := _unlike(known, lambda e: f"{len(e.gpu_ids)} GPUs"):
        yield f"They used different numbers of GPUs ({found}): throughput is given per GPU."
    if found := _unlike(known, lambda e: e.driver_version or "none"):
        yield f"The GPU drivers differ: {found}."
    if _unlike(specs, lambda s: s.base_runtime):
        return  # then versions cannot be the same
    if found := _unlike(known, lambda e: e.engine_version or "unknown"):
        yield f"The engine's versions differ: {found}."


def _unlike(items: Sequence[Any], tell: Callable[[Any], str]) -> str:
    """What they are told by, each once; empty where that is the same for all."""
    told = list(dict.fromkeys(tell(item) for item in items))
    return "; ".join(told) if len(told) > 1 else ""


def _load_of(spec: TaskSpec) -> str:
    scenarios = ", ".join(spec.benchmark.traffic_scenarios)
    return f"{scenarios} {spec.benchmark.concurrency_in_words}"


def _slo_of(spec: TaskSpec) -> str:
    bounds = [words.slo(name, bound) for name, bound in spec.slo.items()]
    return ", ".join(bounds) or "none"
