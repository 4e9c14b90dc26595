"""How many experiments a run makes, counted once for each spec."""

import json
from functools import lru_cache

from experiments_app.gpus import gpu_count
from experiments_app.scheduler import planned_experiments
from tasks_app.models import SPEC_FIELDS, Task
from tasks_app.spec import TaskSpec

MOST = 10_000


def fraction_done(finished: float, total: int) -> float:
    return min(finished / total, 1.0) if total else 0.0


def planned(spec: TaskSpec, gpus: int | None = None) -> int:
    """Experiments that a run of this spec makes, the baseline included.

    `gpus`: what the run had at its start; without it, what is seen now.
    """
    return planned_by_data(spec.to_data(), gpus)


def planned_by_task(task: Task, budget: int | None = None) -> int:
    """`budget`: as the run has it, where it was raised."""
    data = {field: getattr(task, field) for field in SPEC_FIELDS}
    if budget is not None:
        data["optimization"] = data["optimization"] | {"max_iterations": budget}
    return planned_by_data(data)


def most_experiments(spec: TaskSpec, gpus: int | None = None) -> int:
    """How many the space holds, the baseline included; at most as many as a budget may be."""
    data = spec.to_data()
    return planned_by_data(
        data | {"optimization": data["optimization"] | {"max_iterations": MOST}}, gpus
    )


def planned_by_data(data: dict[str, object], gpus: int | None = None) -> int:
    """Counting a space takes time, and a page that follows a task asks every two seconds."""
    text = json.dumps(data | {"task_name": "any", "description": ""}, sort_keys=True)
    return _planned(text, gpu_count() if gpus is None else gpus)


@lru_cache(maxsize=2048)
def _planned(text: str, gpus: int) -> int:
    return planned_experiments(TaskSpec.from_data(json.loads(text)), gpus)
