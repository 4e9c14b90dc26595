"""Start, cancel, restart, archive and delete, by several people at once."""

import shutil
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from experiments_app import task_log
from tasks_app.models import Run, Task
from tests.factories import completed_task, make_task, make_user, running_task
from tests.pages import messages_of, text_of

pytestmark = pytest.mark.django_db


def at_once(path: str, user: User, times: int = 4) -> None:
    """So many clicks from as many browsers, in the same moment."""
    ready = threading.Barrier(times)

    def click() -> None:
        client = Client()
        client.force_login(user)
        ready.wait(timeout=60)
        client.post(path)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.django_db(transaction=True)
def test_concurrent_restarts_make_exactly_one_run() -> None:
    user = make_user()
    task = completed_task((50.0,))
    at_once(f"/tasks/{task.pk}/restart", user)
    task.refresh_from_db()
    assert (task.run, task.status) == (2, Task.Status.RUNNING)
    assert Run.objects.filter(task=task).count() == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_starts_make_exactly_one_run() -> None:
    user = make_user()
    task = make_task()
    at_once(f"/tasks/{task.pk}/start", user)
    assert [run.number for run in task.runs.all()] == [1]


def test_a_run_knows_who_started_and_who_cancelled_it(browser: Client) -> None:
    task = make_task()
    browser.post(f"/tasks/{task.pk}/start")
    browser.force_login(make_user("bob"))
    browser.post(f"/tasks/{task.pk}/cancel")
    run = task.runs.get()
    assert run.started_by is not None
    assert run.cancelled_by is not None
    assert (run.started_by.username, run.cancelled_by.username) == ("ada", "bob")
    log = task_log.path_of(task.pk).read_text()
    assert "started by ada" in log
    assert "cancelled by bob" in log


def test_it_archives_and_brings_back(browser: Client) -> None:
    task = completed_task((50.0,), task_name="finished")
    response = browser.post(f"/tasks/{task.pk}/archive", follow=True)
    assert "The task is archived" in messages_of(response)[0]
    assert ">finished<" not in text_of(browser.get("/"))
    assert ">finished<" in text_of(browser.get("/?archived=yes"))
    response = browser.post(f"/tasks/{task.pk}/bring-back", follow=True)
    assert "back in the list" in messages_of(response)[0]
    assert ">finished<" in text_of(browser.get("/"))


def test_it_archives_no_running_task(browser: Client) -> None:
    task = running_task()
    response = browser.post(f"/tasks/{task.pk}/archive", follow=True)
    assert "is running" in messages_of(response)[0]
    task.refresh_from_db()
    assert task.archived_at is None


def test_it_pauses_and_resumes_and_says_who_did(browser: Client) -> None:
    task = running_task()
    response = browser.post(f"/tasks/{task.pk}/pause", follow=True)
    assert "measured to its end" in messages_of(response)[0]
    assert "Paused by ada" in text_of(response)
    response = browser.post(f"/tasks/{task.pk}/resume", follow=True)
    assert messages_of(response) == ["The task goes on."]
    log = task_log.path_of(task.pk).read_text()
    assert "paused by ada" in log
    assert "resumed by ada" in log


def test_a_second_tab_learns_that_it_is_paused_already(browser: Client) -> None:
    task = running_task()
    browser.post(f"/tasks/{task.pk}/pause")
    response = browser.post(f"/tasks/{task.pk}/pause", follow=True)
    assert "is paused" in messages_of(response)[-1]


@pytest.mark.django_db(transaction=True)
def test_concurrent_pauses_and_resumes_leave_one_state() -> None:
    user = make_user()
    task = running_task()
    at_once(f"/tasks/{task.pk}/pause", user)
    task.refresh_from_db()
    assert task.status == task.runs.get().status == Task.Status.PAUSED
    at_once(f"/tasks/{task.pk}/resume", user)
    task.refresh_from_db()
    assert task.status == task.runs.get().status == Task.Status.RUNNING


def test_a_row_of_the_list_pauses_and_leads_back_to_the_list(browser: Client) -> None:
    task = running_task()
    response = browser.post(f"/tasks/{task.pk}/pause", {"filters": "status=running"})
    assert response["Location"] == "/?status=running"
    assert f'formaction="/tasks/{task.pk}/resume"' in browser.get("/").content.decode()


@pytest.mark.parametrize("action", ["archive", "delete", "edit"])
def test_a_paused_task_is_refused_what_a_running_one_is(browser: Client, action: str) -> None:
    task = running_task()
    task.pause()
    response = browser.get if action == "edit" else browser.post
    answer = response(f"/tasks/{task.pk}/{action}", follow=True)
    assert "paused" in messages_of(answer)[0]
    task.refresh_from_db()
    assert (task.status, task.archived_at) == (Task.Status.PAUSED, None)


def test_archiving_twice_says_that_it_was_done(browser: Client) -> None:
    task = make_task()
    browser.post(f"/tasks/{task.pk}/archive")
    response = browser.post(f"/tasks/{task.pk}/archive", follow=True)
    assert "archived" in messages_of(response)[-1]


def test_a_restart_brings_an_archived_task_back(browser: Client) -> None:
    task = completed_task((50.0,))
    browser.post(f"/tasks/{task.pk}/archive")
    browser.post(f"/tasks/{task.pk}/restart")
    task.refresh_from_db()
    assert (task.archived_at, task.status) == (None, Task.Status.RUNNING)


@pytest.mark.parametrize("action", ["pause", "resume", "archive", "bring-back"])
def test_it_changes_nothing_on_get(browser: Client, action: str) -> None:
    assert browser.get(f"/tasks/{make_task().pk}/{action}").status_code == 405


def test_it_offers_only_what_makes_sense(browser: Client) -> None:
    def offered(task: Task) -> set[str]:
        text = browser.get(f"/tasks/{task.pk}/").content.decode()
        actions = (
            "start",
            "restart",
            "pause",
            "resume",
            "cancel",
            "edit",
            "archive",
            "bring-back",
            "delete",
        )
        return {action for action in actions if f'"/tasks/{task.pk}/{action}"' in text}

    assert offered(make_task()) == {"start", "edit", "archive", "delete"}
    running = running_task()
    assert offered(running) == {"pause", "cancel"}
    running.pause()
    assert offered(running) == {"resume", "cancel"}
    done = completed_task((50.0,))
    assert offered(done) == {"restart", "edit", "archive", "delete"}
    done.archive()
    assert offered(done) == {"restart", "edit", "bring-back", "delete"}


def test_it_lists_what_a_deletion_loses(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    folder = Path(settings.HOME.results) / f"task_{task.pk}" / "run_1"
    folder.mkdir(parents=True)
    task_log.path_of(task.pk).unlink(missing_ok=True)
    (folder / "result.json").write_text("x" * 2048)
    text = text_of(browser.get(f"/tasks/{task.pk}/delete"))
    shutil.rmtree(folder.parent)
    assert "1 run with 2 experiments and 2 measurements" in text
    assert "1 file of logs and results, 2 KiB" in text
    assert "1 version" in text


def test_it_does_not_offer_to_delete_what_is_worked_on(browser: Client) -> None:
    task = running_task()
    text = text_of(browser.get(f"/tasks/{task.pk}/delete"))
    assert "is running; cancel it first" in text
    assert "Delete for good" not in text
    task.cancel()
    text = text_of(browser.get(f"/tasks/{task.pk}/delete"))
    assert "is being taken down" in text


def test_every_action_on_a_task_that_is_gone_is_not_found(browser: Client) -> None:
    for action in (
        "start",
        "pause",
        "resume",
        "cancel",
        "restart",
        "duplicate",
        "archive",
        "bring-back",
        "delete",
    ):
        assert browser.post(f"/tasks/9999/{action}").status_code == 404
