from pathlib import Path

import pytest
from django.test import Client

from experiments_app import logs, task_log
from experiments_app.log_search import MAX_LINES, search
from tests.factories import running_task

pytestmark = pytest.mark.django_db


def test_it_finds_lines_whatever_their_capitals(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\nan Error here\nERROR\nfine\n")
    found = search(log, "error")
    assert [(line.number, line.hit) for line in found.lines] == [(2, "Error"), (3, "ERROR")]
    assert (found.total, found.lines_read) == (2, 4)
    assert found.lines[0].before == "an "


def test_it_keeps_the_last_of_very_many_and_cuts_long_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("x\n" * (MAX_LINES + 5) + "x" + "y" * 10_000 + "\n")
    found = search(log, "x")
    assert found.total == MAX_LINES + 6
    assert len(found.lines) == MAX_LINES
    assert len(found.lines[-1].after) == 2_000


def test_it_finds_nothing_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\n")
    assert search(tmp_path / "log", "").total == 0


def test_it_shows_the_lines_on_a_page(browser: Client) -> None:
    task = running_task()
    task_log.write(task.pk, "<b>bold</b> failure", run=1)
    text = browser.get(f"/tasks/{task.pk}/log?q=FAILURE").content.decode()
    assert "&lt;b&gt;bold&lt;/b&gt; <mark>failure</mark>" in text


def test_a_log_that_is_not_there_is_not_found(browser: Client) -> None:
    task = running_task()
    task_log.path_of(task.pk).unlink(missing_ok=True)
    assert browser.get(f"/tasks/{task.pk}/log?q=a").status_code == 404


def test_it_asks_before_it_clears(browser: Client) -> None:
    task = running_task()
    task_log.write(task.pk, "kept until you say so", run=1)
    assert "cannot be brought back" in browser.get(f"/tasks/{task.pk}/log/clear").content.decode()
    assert logs.size(task_log.path_of(task.pk)) > 0


def test_clearing_leaves_the_writer_able_to_go_on(browser: Client) -> None:
    task = running_task()
    with task_log.path_of(task.pk).open("a") as writer:
        writer.write("before\n")
        writer.flush()
        response = browser.post(f"/tasks/{task.pk}/log/clear", follow=True)
        writer.write("after\n")
    assert "The log is cleared." in response.content.decode()
    text = task_log.path_of(task.pk).read_text()
    assert "before" not in text
    assert "the log was cleared by ada" in text
    assert text.endswith("after\n")
    assert "\0" not in text
