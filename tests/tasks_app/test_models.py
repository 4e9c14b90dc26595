from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from tasks_app.models import Run, StaleState, Task
from tasks_app.spec import TaskSpec
from tests.experiments_app.specs import saved_task, task_data
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def other(task: Task) -> Task:
    """The same row as somebody else loaded it."""
    return Task.objects.get(pk=task.pk)


def test_it_gives_back_the_spec_it_was_made_of() -> None:
    spec = TaskSpec.from_data(task_data(fixed_parameters={"ctx-size": 2048}))
    task = Task.from_spec(spec)
    task.save()
    assert other(task).spec == spec


def test_it_reads_tasks_and_runs_from_before_there_were_more_sections() -> None:
    task = saved_task()
    task.start()
    added = ("use_gpus", "container", "readiness", "access")
    old = {key: value for key, value in task.spec_data().items() if key not in added}
    task.runs.update(spec=old)
    Task.objects.update(container={}, readiness={}, access={})
    assert task.runs.get().task_spec == other(task).spec == task.spec


def test_it_starts_once_for_two_clicks() -> None:
    task = saved_task()
    second = other(task)
    task.start()
    with pytest.raises(StaleState):
        second.start()
    assert Run.objects.count() == 1


def test_it_restarts_once_for_two_clicks() -> None:
    task = saved_task()
    task.start()
    task.complete()
    second = other(task)
    task.restart()
    with pytest.raises(StaleState):
        second.restart()
    assert other(task).run == 2
    assert [run.number for run in task.runs.all()] == [1, 2]


def test_it_does_not_restart_a_running_task() -> None:
    task = saved_task()
    task.start()
    with pytest.raises(StaleState, match="running"):
        task.restart()


def test_a_run_keeps_the_spec_it_started_with() -> None:
    task = saved_task()
    task.start()
    task.complete()
    changed = TaskSpec.from_data(task_data(description="changed"))
    task.replace_spec(changed, version=task.version)
    assert task.runs.get().task_spec.description == ""
    assert task.spec.description == "changed"


def test_an_end_is_written_to_task_and_run_alike() -> None:
    task = saved_task()
    task.start()
    task.fail("no memory")
    run = task.runs.get()
    assert (task.status, task.message) == (run.status, run.message) == ("failed", "no memory")
    assert task.completed_at == run.completed_at
    assert task.elapsed is not None
    assert task.elapsed.total_seconds() >= 0


def test_a_cancelled_task_cannot_be_completed_afterwards() -> None:
    task = saved_task()
    task.start()
    worker = other(task)
    task.cancel()
    with pytest.raises(StaleState):
        worker.complete()
    assert other(task).status == Task.Status.CANCELLED


def test_an_end_of_an_earlier_run_does_not_touch_the_new_one() -> None:
    task = saved_task()
    task.start()
    worker = other(task)
    task.cancel()
    task.restart()
    with pytest.raises(StaleState):
        worker.complete()
    assert other(task).status == Task.Status.RUNNING


def test_it_refuses_an_edit_made_on_an_old_version() -> None:
    task = saved_task()
    task.replace_spec(TaskSpec.from_data(task_data(description="first")), version=1)
    with pytest.raises(StaleState):
        task.replace_spec(TaskSpec.from_data(task_data(description="second")), version=1)
    assert other(task).description == "first"
    assert other(task).version == 2


def test_it_refuses_an_edit_while_running() -> None:
    task = saved_task()
    task.start()
    with pytest.raises(StaleState):
        task.replace_spec(TaskSpec.from_data(task_data(description="x")), version=task.version)


def test_names_are_unique() -> None:
    saved_task()
    with pytest.raises(IntegrityError), transaction.atomic():
        saved_task()


def test_it_keeps_every_version_and_who_wrote_it() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    task = Task.create(TaskSpec.from_data(task_data(description="first")), user=ada)
    task.replace_spec(TaskSpec.from_data(task_data(description="second")), version=1, user=bob)
    kept = [(v.number, v.kind, v.spec["description"], v.changed_by) for v in task.versions.all()]
    assert kept == [(1, "created", "first", ada), (2, "edited", "second", bob)]


def test_it_keeps_no_version_of_an_edit_that_was_refused() -> None:
    task = Task.create(TaskSpec.from_data(task_data()))
    with pytest.raises(StaleState):
        task.replace_spec(TaskSpec.from_data(task_data(description="late")), version=7)
    assert task.versions.count() == 1


def test_a_task_that_was_put_away_comes_back_when_it_starts() -> None:
    task = saved_task()
    Task.objects.filter(pk=task.pk).update(archived_at=timezone.now())
    task.start()
    assert other(task).archived_at is None


def test_the_migration_begins_the_history_of_tasks_that_are_there() -> None:
    task = saved_task()
    task.versions.all().delete()
    migration = import_module("tasks_app.migrations.0004_history_labels_presets")
    migration.keep_first_versions(apps, None)
    [version] = task.versions.all()
    assert version.number == 1
    assert TaskSpec.from_data(version.spec) == task.spec
