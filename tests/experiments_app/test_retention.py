"""What is removed by its age: only what the settings say, and never what runs or the newest run."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from experiments_app.models import Delivery, Experiment, Measurement
from experiments_app.over_repeats import repeated_levels
from experiments_app.results import RunResults
from experiments_app.retention import RULES, prune
from tasks_app.models import AuditEntry, Run, Task
from tests import factories
from tests.finals import confirmed_task

pytestmark = pytest.mark.django_db


def run_again(task: Task) -> None:
    task.restart()
    experiment = factories.make_experiment(task, 0)
    factories.succeed(experiment, 70.0)
    task.complete()


def with_files(experiment: Experiment) -> Path:
    folder = Path(site.HOME.results) / f"task_{experiment.task_id}" / f"run_{experiment.run}"
    folder = folder / f"experiment_{experiment.number}"
    folder.mkdir(parents=True)
    (folder / "server.log").write_text("x" * 1_000)
    Experiment.objects.filter(pk=experiment.pk).update(result_folder=str(folder))
    return folder


def age(days: int) -> None:
    by = timedelta(days=days)
    Run.objects.exclude(completed_at=None).update(completed_at=F("completed_at") - by)
    Experiment.objects.exclude(completed_at=None).update(completed_at=F("completed_at") - by)


@pytest.fixture
def task() -> Task:
    """Three runs, the last of which is the newest."""
    task = factories.completed_task((50.0, 60.0))
    run_again(task)
    run_again(task)
    return task


def runs_of(task: Task) -> list[int]:
    return list(task.runs.order_by("number").values_list("number", flat=True))


def test_by_default_nothing_ever_goes_but_the_log_of_notifications(task: Task) -> None:
    age(10_000)
    rules = {rule: getattr(site, rule) for rule in RULES}
    assert {rule: kept for rule, kept in rules.items() if kept} == {"KEEP_DELIVERY_DAYS": 30}
    assert not prune().anything
    assert runs_of(task) == [1, 2, 3]


def test_so_many_runs_of_a_task_are_kept(task: Task, settings: Any) -> None:
    folder = with_files(task.experiments.get(run=1, number=0))
    settings.KEEP_RUNS = 2
    done = prune()
    assert runs_of(task) == [2, 3]
    assert not task.experiments.filter(run=1).exists()
    assert not folder.exists()
    assert done.files_bytes >= 1_000


def test_runs_that_ended_long_ago_go_but_not_the_newest(task: Task, settings: Any) -> None:
    age(40)
    settings.KEEP_RUN_DAYS = 30
    prune()
    assert runs_of(task) == [3]
    assert task.experiments.filter(run=3).exists()


def test_a_task_that_runs_keeps_all_of_its_runs(task: Task, settings: Any) -> None:
    task.restart()
    factories.begin(factories.make_experiment(task, 0), {"phase": "measuring"})
    settings.KEEP_RUNS = 1
    prune()
    assert runs_of(task) == [1, 2, 3, 4]


def test_files_go_and_figures_stay(task: Task, settings: Any) -> None:
    old, new = task.experiments.get(run=1, number=0), task.experiments.get(run=3, number=0)
    gone, kept = with_files(old), with_files(new)
    age(40)
    settings.KEEP_FILES_DAYS = 30
    prune()
    assert not gone.exists()
    assert kept.exists()
    old.refresh_from_db()
    assert (old.objective_score, old.result_folder) == (50.0, "")


def test_a_folder_elsewhere_is_never_touched(task: Task, settings: Any, tmp_path: Path) -> None:
    task.experiments.filter(run=1).update(result_folder=str(tmp_path))
    age(40)
    settings.KEEP_FILES_DAYS = 30
    prune()
    assert tmp_path.exists()


def test_samples_of_earlier_runs_go_and_their_statistics_stay(task: Task, settings: Any) -> None:
    Measurement.objects.update(samples={"ttft_s": [0.1]})
    age(40)
    settings.KEEP_SAMPLES_DAYS = 30
    done = prune()
    rows = Measurement.objects.order_by("experiment__run", "pk").select_related("experiment")
    assert [bool(row.samples) for row in rows] == [row.experiment.run == 3 for row in rows]
    assert done.samples == len(rows) - 1
    assert rows[0].ttft_mean_s is not None


def test_a_run_with_a_final_goes_whole_or_stays_whole(settings: Any) -> None:
    task = confirmed_task()
    run_again(task)
    with_files(task.experiments.get(run=1, number=3, repeat=2))
    age(40)
    settings.KEEP_FILES_DAYS = settings.KEEP_SAMPLES_DAYS = 30
    prune()
    results = RunResults(task, run=1)
    assert results.gain == pytest.approx(0.31)
    assert len(results.repeats) == 9
    measured = next(e for e in results.measured_experiments() if e.number == 3)
    assert [level.repeats for level in repeated_levels(measured.measurements.all())]
    assert task.experiments.get(run=1, number=3, repeat=2).result_folder == ""
    settings.KEEP_RUNS = 1
    prune()
    assert set(task.experiments.values_list("run", flat=True)) == {2}
    assert not Measurement.objects.filter(experiment__run=1).exists()


def test_archived_tasks_are_deleted_after_their_time(task: Task, settings: Any) -> None:
    task.archive()
    settings.KEEP_ARCHIVED_DAYS = 30
    assert not prune().tasks
    Task.objects.filter(pk=task.pk).update(archived_at=timezone.now() - timedelta(days=31))
    assert prune().tasks == [task.name]
    assert not Task.objects.filter(pk=task.pk).exists()


def test_the_audit_goes_by_its_age_and_says_so(task: Task, settings: Any) -> None:
    settings.KEEP_AUDIT_DAYS = 365
    old = AuditEntry.objects.create(
        action="task.started", at=timezone.now() - timedelta(days=366), object_name="x"
    )
    assert prune().audit_entries == 1
    assert not AuditEntry.objects.filter(pk=old.pk).exists()
    assert AuditEntry.objects.filter(action="data.pruned").exists()


def test_the_log_of_notifications_goes_but_for_what_is_on_its_way(task: Task) -> None:
    channel = factories.make_channel(factories.make_user())
    old, going, new = (factories.make_delivery(channel, task) for _ in range(3))
    Delivery.objects.filter(pk=going.pk).update(status=Delivery.Status.PENDING)
    long_ago = timezone.now() - timedelta(days=31)
    Delivery.objects.filter(pk__in=[old.pk, going.pk]).update(created_at=long_ago)
    assert prune(dry_run=True).deliveries == prune().deliveries == 1
    assert set(Delivery.objects.values_list("pk", flat=True)) == {going.pk, new.pk}


def test_a_dry_run_tells_the_same_and_removes_nothing(task: Task, settings: Any) -> None:
    settings.KEEP_RUNS = 1
    out = StringIO()
    call_command("prune_old", "--dry-run", "--json", stdout=out)
    assert len(json.loads(out.getvalue())["runs"]) == 2
    assert runs_of(task) == [1, 2, 3]
    out = StringIO()
    call_command("prune_old", stdout=out)
    assert "2 runs" in out.getvalue()
    assert runs_of(task) == [3]


def test_the_page_says_what_is_kept_and_how_much_room_it_takes(task: Task, settings: Any) -> None:
    settings.KEEP_RUN_DAYS = 90
    client = Client()
    client.force_login(factories.make_user())
    text = " ".join(
        client.get("/system/?show=storage", headers={"hx-request": "true"}).content.decode().split()
    )
    assert "KEEP_RUN_DAYS" in text
    assert '<td class="num" data-label="Kept">90</td>' in text
    assert "Database" in text
