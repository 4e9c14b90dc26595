"""The page of a task, and its log."""

from urllib.parse import urlencode

import pytest
from django.test import Client

from experiments_app import task_log
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests import factories
from tests.factories import completed_task, make_task, running_task
from tests.pages import HTMX, text_of

pytestmark = pytest.mark.django_db


# The live page


def test_it_says_what_happens_now(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{running_task().pk}/"))
    assert (
        "Experiment 4 of 12 · measuring D(100,50) at concurrency 8 · 15 of 24 requests · about"
        in text
    )


def test_it_asks_again_while_there_is_something_to_wait_for(browser: Client) -> None:
    task = running_task()
    path = f"/tasks/{task.pk}/"
    assert 'data-hx-trigger="every 2s"' in text_of(browser.get(path))
    task.complete("done")
    Experiment.objects.active().update(status="failed", owner_token="")
    assert 'data-hx-trigger="every' not in text_of(browser.get(path, headers=HTMX))


def test_it_follows_the_end_of_a_cancelled_experiment(browser: Client) -> None:
    task = running_task()
    task.cancel()
    assert 'data-hx-trigger="every' in text_of(browser.get(f"/tasks/{task.pk}/"))


def test_it_sends_a_poll_the_part_that_changes_alone(browser: Client) -> None:
    task = running_task()
    response = browser.get(f"/tasks/{task.pk}/", headers=HTMX)
    assert response.content.lstrip().startswith(b"<title>")
    assert b"<html" not in response.content


def test_it_reloads_the_page_of_a_task_that_was_deleted(browser: Client) -> None:
    response = browser.get("/tasks/99/", headers=HTMX)
    assert response.headers["HX-Refresh"] == "true"


def test_it_shows_the_best_configuration(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{completed_task().pk}/"))
    assert "+115.5%" in text
    assert "--threads 2 --parallel 4 --ubatch-size 512" in text
    assert "61.20 tokens/s" in text


def test_it_says_that_nothing_beats_the_default(browser: Client) -> None:
    task = completed_task((131.9, 61.2, 58.0))
    assert "Nothing beats the default" in text_of(browser.get(f"/tasks/{task.pk}/"))


def test_it_names_the_closest_where_nothing_meets_the_slo(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{factories.infeasible_task().pk}/"))
    assert "Nothing meets the SLO" in text
    assert "37% over the bound of 0.3 s" in text
    assert "Closest configuration" in text


def test_it_says_why_a_task_failed(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{factories.failed_task().pk}/"))
    assert "3 of 3 experiments failed (model_not_found)" in text


def test_it_shows_a_pending_task(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{make_task().pk}/"))
    assert "Not started yet · the baseline and 12 experiments are planned" in text
    assert 'data-hx-trigger="every' not in text


def test_it_keeps_runs_apart(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    task.restart()
    factories.succeed(factories.make_experiment(task, 0), 70.0)
    latest = text_of(browser.get(f"/tasks/{task.pk}/"))
    earlier = text_of(browser.get(f"/tasks/{task.pk}/?run=1"))
    assert "60.00" not in latest
    assert "60.00" in earlier
    assert "This is run 1" in earlier
    assert 'data-hx-trigger="every' not in earlier


@pytest.mark.parametrize("run", ["2", "0", "-1", "x", "9" * 30, "²"])
def test_it_knows_no_such_run(browser: Client, run: str) -> None:
    task = completed_task((50.0,))
    assert browser.get(f"/tasks/{task.pk}/?{urlencode({'run': run})}").status_code == 404


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "مهمة", '"><img src=x onerror=1>'])
def test_it_shows_any_name_as_text(browser: Client, name: str) -> None:
    task = completed_task((50.0, 60.0), task_name=name)
    for path in ("/", f"/tasks/{task.pk}/", f"/tasks/{task.pk}/edit", f"/tasks/{task.pk}/delete"):
        content = browser.get(path).content.decode()
        assert "<script>alert" not in content
        assert "<img src=x" not in content


def test_it_offers_only_what_makes_sense(browser: Client) -> None:
    def offered(task: Task) -> set[str]:
        text = text_of(browser.get(f"/tasks/{task.pk}/"))
        actions = ("start", "cancel", "restart", "duplicate", "edit", "delete")
        return {a for a in actions if f'="/tasks/{task.pk}/{a}"' in text}

    assert offered(make_task()) == {"start", "edit", "duplicate", "delete"}
    assert offered(running_task()) == {"cancel", "duplicate"}
    assert offered(completed_task((50.0,))) == {"restart", "edit", "duplicate", "delete"}


# The log


def test_it_gives_what_was_added_to_the_log(browser: Client) -> None:
    task = make_task()
    task_log.write(task.pk, "one", run=1)
    first = browser.get(f"/tasks/{task.pk}/log?after=0")
    assert b"one" in first.content
    assert first.headers["Content-Type"].startswith("text/plain")
    end = first.headers["X-Log-End"]
    assert browser.get(f"/tasks/{task.pk}/log?after={end}").status_code == 204
    task_log.write(task.pk, "<b>two</b>", run=1)
    second = browser.get(f"/tasks/{task.pk}/log?after={end}")
    assert b"<b>two</b>" in second.content
    assert b"one" not in second.content


def test_it_gives_the_whole_log(browser: Client) -> None:
    task = make_task()
    task_log.write(task.pk, "one", run=1)
    response = browser.get(f"/tasks/{task.pk}/log?download")
    assert b"one" in b"".join(response)
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_it_has_no_log_before_there_is_one(browser: Client) -> None:
    task = make_task()
    task_log.path_of(task.pk).unlink(missing_ok=True)
    assert browser.get(f"/tasks/{task.pk}/log?after=0").status_code == 204
    assert browser.get(f"/tasks/{task.pk}/log").status_code == 404
