from typing import Any

import pytest

from experiments_app import lifecycle
from experiments_app.models import Experiment
from experiments_app.scheduler import advance
from tasks_app.models import StaleState, Task
from tasks_app.problems import SpecError
from tests.experiments_app.fake_nvml import install_gpus
from tests.experiments_app.specs import saved_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tasks that the consumer was told of."""
    calls: list[int] = []
    monkeypatch.setattr(lifecycle, "wake", calls.append)
    return calls


def test_a_start_wakes_the_consumer_once_it_is_committed(
    woken: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    task = saved_task()
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.start_task(task)
        assert not woken
    assert woken == [task.pk]


def test_a_run_keeps_how_many_gpus_there_were(
    woken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = saved_task()
    install_gpus(monkeypatch, 4)
    lifecycle.start_task(task)
    lifecycle.cancel_task(task)
    install_gpus(monkeypatch, 2)
    lifecycle.restart_task(task)
    assert [run.gpus for run in task.runs.order_by("number")] == [4, 2]


def test_a_second_start_changes_nothing(
    woken: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    task = saved_task()
    lifecycle.start_task(task)
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(StaleState):
        lifecycle.start_task(Task.objects.get(pk=task.pk))
    assert not woken


def test_a_restart_begins_a_new_run_at_once(woken: list[int]) -> None:
    task = saved_task()
    lifecycle.start_task(task)
    lifecycle.cancel_task(task)
    lifecycle.restart_task(task)
    assert (task.status, task.run) == (Task.Status.RUNNING, 2)


def test_a_cancel_takes_waiting_experiments_with_it(woken: list[int]) -> None:
    task = saved_task()
    lifecycle.start_task(task)
    advance(task.pk)
    lifecycle.cancel_task(task)
    assert Experiment.objects.get().status == Experiment.Status.CANCELLED


@pytest.mark.parametrize(
    ("changes", "path", "hint"),
    [
        ({"deployment_mode": "docker"}, "deployment_mode", "install and start Docker"),
        ({"base_runtime": "llamacp"}, "base_runtime", "llamacpp"),
        ({"model": {"id_or_path": "/nowhere/x.gguf"}}, "model.id_or_path", "/nowhere"),
        ({"model": {"id_or_path": "org/model"}}, "model.id_or_path", "GGUF"),
    ],
)
def test_a_task_that_cannot_run_here_is_refused_before_it_starts(
    woken: list[int], changes: dict[str, Any], path: str, hint: str
) -> None:
    task = saved_task(**changes)
    with pytest.raises(SpecError) as error:
        lifecycle.start_task(task)
    assert path in {problem.path for problem in error.value.problems}
    assert hint in str(error.value)
    task.refresh_from_db()
    assert task.status == Task.Status.PENDING
