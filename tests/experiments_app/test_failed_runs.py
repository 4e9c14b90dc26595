"""Runs in which the real llama.cpp fails."""

from pathlib import Path

import pytest

from experiments_app.foreground import run_in_foreground
from experiments_app.launch_plan import find_model
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests.experiments_app.specs import saved_task

pytestmark = pytest.mark.django_db(transaction=True)


def experiments_of(task: Task) -> list[Experiment]:
    task.start()
    run_in_foreground(task)
    task.refresh_from_db()
    return list(task.experiments.order_by("number"))


def test_a_task_whose_model_file_is_cut_off_is_stopped_after_two_experiments(
    tmp_path: Path,
) -> None:
    cut = tmp_path / "cut.gguf"
    with Path(find_model(saved_task().spec).path).open("rb") as whole:
        cut.write_bytes(whole.read(3_000_000))
    task = saved_task(
        task_name="cut",
        model={"id_or_path": str(cut)},
        parameters={"threads": [1, 2], "parallel": [1, 2, 4]},
        optimization={"max_iterations": 6},
    )
    experiments = experiments_of(task)
    assert [e.error_kind for e in experiments] == ["model_broken"] * 2
    assert task.status == Task.Status.FAILED
    assert task.message.startswith("2 of 7 experiments failed in a row (model broken)")
    assert "is cut" in task.message
