"""Small valid task documents to build tests on."""

from typing import Any

from tasks_app.models import Task
from tasks_app.spec import TaskSpec


def task_data(**changes: Any) -> dict[str, Any]:
    """A task on the built-in model, small enough to run in seconds, without a
    final and checks of drift, however busy the machine is; sections are merged."""
    data: dict[str, Any] = {
        "task_name": "small",
        "deployment_mode": "local",
        "base_runtime": "llamacpp",
        "model": {"id_or_path": "smollm2-135m"},
        "parameters": {"threads": [1, 2]},
        "optimization": {
            "strategy": "grid_search",
            "max_iterations": 2,
            "timeout_per_iteration": 120,
            "confirm": False,
            "drift_check_every": None,
        },
        "benchmark": {
            "traffic_scenarios": ["D(16,8)"],
            "num_concurrency": [2],
            "max_requests_per_level": 4,
            "max_minutes_per_level": 1,
            "remeasure_disturbed": False,
        },
    }
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(data.get(key), dict) and key != "parameters":
            data[key] = data[key] | value
        else:
            data[key] = value
    return data


def saved_task(**changes: Any) -> Task:
    task = Task.from_spec(TaskSpec.from_data(task_data(**changes)))
    task.save()
    return task
