"""A full disk: nothing is begun on it, nothing measured is lost to it, and it is over by itself."""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import OperationalError, connection
from django.test import Client

from experiments_app import disk, lifecycle, task_log
from experiments_app.disk_watch import hold_for_room
from experiments_app.models import Experiment
from experiments_app.runner import run_experiment
from experiments_app.scheduler import advance
from experiments_app.tasks import work_on
from tasks_app.models import AuditEntry, Label, Task
from tasks_app.problems import SpecError
from tasks_app.spec import TaskSpec
from tests import factories
from tests.docker_rig import PrivateDockerd
from tests.experiments_app.own_engine import paced_data
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
MORE_THAN_ANY_DISK = 1e9


@pytest.fixture
def full_disk(settings: Any) -> Callable[[], None]:
    """The site wants more room than this machine has; the returned function takes that back."""
    settings.MIN_FREE_DISK_GIB = MORE_THAN_ANY_DISK

    def make_room() -> None:
        settings.MIN_FREE_DISK_GIB = 0.001

    return make_room


def started(**changes: Any) -> Task:
    task = Task.create(TaskSpec.from_data(paced_data(**changes)))
    task.start()
    return task


def fill_database() -> None:
    """From now on SQLite itself says that the disk is full, on this connection."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # pages that other tests have left would be written to first
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")


def empty_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1073741823")


@pytest.fixture
def full_database() -> Iterator[None]:
    fill_database()
    yield
    empty_database()


def write_much() -> None:
    Label.objects.bulk_create([Label(name=f"{number:050}") for number in range(2_000)])


def test_running_tasks_are_paused_with_the_reason_and_go_on_by_themselves(
    full_disk: Callable[[], None],
) -> None:
    task = factories.running_task()
    assert hold_for_room()
    task.refresh_from_db()
    assert task.status == Task.Status.PAUSED
    assert "the disk is nearly full" in task.message
    assert "MIN_FREE_DISK_GIB" in task.message
    full_disk()
    assert not hold_for_room()
    task.refresh_from_db()
    assert (task.status, task.message, task.held_for) == ("running", "", "")
    log = task_log.path_of(task.pk).read_text()
    assert "there is room on the disk again" in log


NO_ROOM = Path("/proc/folder")
"""A file system that never has a byte left."""


def test_the_disk_of_the_hubs_models_counts(settings: Any) -> None:
    task = factories.running_task()
    settings.HF_HOME = NO_ROOM
    assert hold_for_room()
    task.refresh_from_db()
    assert "0 GiB free under /proc/folder" in task.message
    settings.HF_HOME = settings.HOME.root
    assert not hold_for_room()


def test_the_disk_of_dockers_images_counts_once_a_task_has_used_it(
    dockerd: PrivateDockerd, settings: Any
) -> None:
    factories.running_task()
    assert not hold_for_room()
    assert not settings.HOME.docker_folder.exists()
    task = factories.running_task(deployment_mode="docker", runtime_image="registry.example/x:1")
    assert not hold_for_room()
    noted = settings.HOME.docker_folder
    with dockerd.client() as client:
        assert noted.read_text() == client.info()["DockerRootDir"]
    assert Path(noted.read_text()) in {room.folder for room in disk.rooms()}

    noted.write_text(str(NO_ROOM))  # as if it were full
    assert disk.room().is_critical
    assert "under /proc/folder" in disk.room().words
    assert not hold_for_room()  # the engine is asked anew, and keeps its images elsewhere
    task.refresh_from_db()
    assert task.status == Task.Status.RUNNING
    noted.unlink()


def test_what_somebody_paused_stays_paused(full_disk: Callable[[], None]) -> None:
    theirs, other = factories.running_task(), factories.running_task()
    lifecycle.pause_task(theirs)
    hold_for_room()
    full_disk()
    hold_for_room()
    theirs.refresh_from_db()
    other.refresh_from_db()
    assert (theirs.status, other.status) == ("paused", "running")


def test_it_is_the_site_itself_that_paused_it(full_disk: Callable[[], None]) -> None:
    factories.running_task()
    hold_for_room()
    entry = AuditEntry.objects.get(action="task.paused")
    assert (entry.who, entry.origin) == ("", "the site itself")


def test_with_a_little_more_than_the_least_it_does_not_go_on_yet() -> None:
    least = 2 * disk.GIBIBYTE
    room = disk.Room(site.HOME.root, round(1.1 * least), least)
    assert (room.is_short, room.is_ample) == (False, False)


def test_no_experiment_begins_on_a_full_disk(full_disk: Callable[[], None]) -> None:
    task = started()
    work_on.call_local(task.pk)
    assert not Experiment.objects.exists()


def test_without_a_least_nothing_is_ever_short(settings: Any) -> None:
    settings.MIN_FREE_DISK_GIB = 0
    assert not disk.room().is_short
    assert not disk.room().is_critical


@pytest.mark.usefixtures("own_engine")
def test_an_experiment_on_a_disk_that_fills_up_is_handed_back_whole(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments_app.attempt_context.DISK_EVERY_S", 0.0)
    task = started(benchmark={"max_requests_per_level": 1000})
    experiment = advance(task.pk)
    assert experiment is not None

    def fill() -> None:
        try:
            wait_for(
                lambda: Experiment.objects.get(pk=experiment.pk).progress.get("requests"),
                timeout_s=60,
            )
            settings.MIN_FREE_DISK_GIB = MORE_THAN_ANY_DISK
        finally:
            connection.close()

    filler = threading.Thread(target=fill)
    filler.start()
    assert run_experiment(experiment.pk)
    filler.join()
    experiment.refresh_from_db()
    assert (experiment.status, experiment.attempt) == ("pending", 0)
    assert "to be run again: the disk is nearly full" in task_log.path_of(task.pk).read_text()


@pytest.mark.usefixtures("own_engine")
def test_a_failure_on_a_full_disk_is_not_the_configurations(settings: Any) -> None:
    task = started()
    (settings.HOME.results / f"task_{task.pk}").write_text("in the way")
    settings.MIN_FREE_DISK_GIB = MORE_THAN_ANY_DISK
    experiment = advance(task.pk)
    assert experiment is not None
    assert run_experiment(experiment.pk)
    experiment.refresh_from_db()
    assert (experiment.status, experiment.attempt) == ("pending", 0)


def test_sqlites_own_word_for_it_is_known(full_database: None) -> None:
    with pytest.raises(OperationalError) as refused:
        write_much()
    assert disk.is_full(refused.value)
    assert disk.is_full(OSError(errno.ENOSPC, "No space left on device"))
    assert not disk.is_full(OperationalError("database is locked"))


def test_a_write_waits_until_the_database_takes_it(full_database: None) -> None:
    asked: list[float] = []

    def check() -> None:
        asked.append(time.monotonic())
        if len(asked) == 3:
            empty_database()

    disk.when_there_is_room(write_much, check, wait_s=0.0)
    assert Label.objects.count() == 2_000
    assert len(asked) == 3


def test_other_faults_of_the_database_are_not_waited_for() -> None:
    def broken() -> None:
        raise OperationalError("no such table: x")

    with pytest.raises(OperationalError):
        disk.when_there_is_room(broken)


def test_more_tasks_than_the_site_allows_do_not_start(settings: Any) -> None:
    factories.running_task()
    settings.MAX_RUNNING_TASKS = 1
    with pytest.raises(SpecError) as refused:
        lifecycle.start_task(factories.make_task())
    assert "MAX_RUNNING_TASKS" in str(refused.value)


def test_the_log_of_a_task_is_kept_within_its_limit_and_says_what_was_cut(settings: Any) -> None:
    settings.TASK_LOG_MIB = 0.01
    for number in range(400):
        task_log.write(1, f"line {number} {'x' * 100}", run=1)
    text = task_log.path_of(1).read_text()
    assert len(text) <= 0.01 * 1024**2 + 200
    assert "bytes of older lines were cut" in text.splitlines()[0]
    assert text.splitlines()[-1].endswith(f"line 399 {'x' * 100}")


def test_the_page_of_a_held_task_says_why(full_disk: Callable[[], None]) -> None:
    task = factories.running_task()
    hold_for_room()
    client = Client()
    client.force_login(factories.make_user())
    text = client.get(f"/tasks/{task.pk}/").content.decode()
    assert "the disk is nearly full" in text
    assert "goes on by itself" in text
