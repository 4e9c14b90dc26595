from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments_app import task_log
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests.factories import completed_task, make_task, running_task
from tests.pages import messages_of, text_of

pytestmark = pytest.mark.django_db


# The list


def test_it_leads_from_an_empty_list_to_the_builtin_task_and_the_form(browser: Client) -> None:
    text = text_of(browser.get("/"))
    assert "Tune the built-in model" in text
    assert 'href="/tasks/new"' in text


def test_it_lists_progress_score_and_gain(browser: Client) -> None:
    running_task()
    completed_task()
    text = text_of(browser.get("/"))
    assert "4 of 13" in text
    assert "131.9 tokens/s" in text
    assert "+115.5%" in text


def test_it_lists_any_number_of_tasks_in_as_many_queries(browser: Client) -> None:
    running_task()
    browser.get("/")  # counts spaces for the first time
    with CaptureQueriesContext(
        connection,
    ) as one:
        browser.get("/")
    for _ in range(5):
        completed_task((50.0, 60.0))
    browser.get("/")
    with CaptureQueriesContext(connection) as many:
        browser.get("/")
    assert len(many) == len(one) <= 12


def test_it_searches_name_and_model(browser: Client) -> None:
    make_task(task_name="alpha")
    make_task(task_name="beta", model={"id_or_path": "/models/alphabet.gguf"})
    make_task(task_name="gamma")
    text = text_of(browser.get("/?q=ALPHA"))
    assert "beta" in text
    assert "gamma" not in text


def test_it_filters_by_status(browser: Client) -> None:
    make_task(task_name="waits")
    running_task(task_name="runs")
    text = text_of(browser.get("/?status=running"))
    assert ">runs<" in text
    assert ">waits<" not in text


def test_it_says_that_nothing_fits(browser: Client) -> None:
    make_task()
    assert "No task fits" in text_of(browser.get("/?q=nothing"))


@pytest.mark.parametrize("query", ["?page=99", "?page=x", "?status=unheard-of", "?q=" + "x" * 5000])
def test_it_shows_the_list_whatever_is_asked(browser: Client, query: str) -> None:
    make_task()
    assert browser.get("/" + query).status_code == 200


def test_it_divides_many_tasks_into_pages(browser: Client) -> None:
    for _ in range(26):
        make_task()
    text = text_of(browser.get("/?q=smollm2"))
    assert "Page 1 of 2" in text
    assert "?q=smollm2&amp;page=2" in text


def test_it_starts_the_builtin_task_in_one_click(browser: Client) -> None:
    response = browser.post("/tasks/builtin")
    task = Task.objects.get()
    assert response.headers["Location"] == f"/tasks/{task.pk}/"
    assert task.status == Task.Status.RUNNING
    browser.post("/tasks/builtin")
    assert Task.objects.count() == 1


# Actions


@pytest.mark.parametrize("action", ["start", "cancel", "restart", "duplicate"])
def test_it_acts_on_post_only(browser: Client, action: str) -> None:
    task = make_task()
    assert browser.get(f"/tasks/{task.pk}/{action}").status_code == 405


def test_it_starts_and_cancels(browser: Client) -> None:
    task = make_task()
    browser.post(f"/tasks/{task.pk}/start")
    task.refresh_from_db()
    assert task.status == Task.Status.RUNNING
    browser.post(f"/tasks/{task.pk}/cancel")
    task.refresh_from_db()
    assert task.status == Task.Status.CANCELLED


def test_it_restarts_once_however_often_it_is_clicked(browser: Client) -> None:
    task = completed_task((50.0,))
    browser.post(f"/tasks/{task.pk}/restart")
    response = browser.post(f"/tasks/{task.pk}/restart", follow=True)
    task.refresh_from_db()
    assert (task.run, task.status) == (2, Task.Status.RUNNING)
    assert "is running" in messages_of(response)[-1]


def test_it_duplicates_under_a_free_name(browser: Client) -> None:
    task = make_task(task_name="mine", environment={"HF_TOKEN": "hf_abc"})
    browser.post(f"/tasks/{task.pk}/duplicate")
    browser.post(f"/tasks/{task.pk}/duplicate")
    copies = Task.objects.exclude(pk=task.pk).order_by("pk")
    assert [copy.name for copy in copies] == ["mine (copy)", "mine (copy 2)"]
    assert copies[0].environment == {"HF_TOKEN": "hf_abc"}
    assert copies[0].status == Task.Status.PENDING


def test_it_asks_before_it_deletes(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    assert "2 experiments" in text_of(browser.get(f"/tasks/{task.pk}/delete"))
    assert Task.objects.exists()


def test_it_deletes_a_task_with_its_experiments_and_files(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    task_log.write(task.pk, "something", run=1)
    folder = Path(settings.HOME.results) / f"task_{task.pk}" / "run_1"
    folder.mkdir(parents=True)
    browser.post(f"/tasks/{task.pk}/delete")
    assert not Task.objects.exists()
    assert not Experiment.objects.exists()
    assert not folder.parent.exists()
    assert not task_log.path_of(task.pk).exists()


@pytest.mark.parametrize("end", [lambda task: None, Task.cancel])
def test_it_never_deletes_what_a_worker_holds(browser: Client, end: Callable[[Task], None]) -> None:
    task = running_task()
    end(task)
    response = browser.post(f"/tasks/{task.pk}/delete", follow=True)
    assert Task.objects.filter(pk=task.pk).exists()
    assert messages_of(response)


def test_a_task_of_an_engine_that_is_not_here_breaks_neither_list_nor_page(
    browser: Client,
) -> None:
    task = completed_task()
    Task.objects.filter(pk=task.pk).update(base_runtime="vllm")
    for run in task.runs.all():
        run.spec["base_runtime"] = "vllm"
        run.save()
    assert browser.get("/").status_code == 200
    assert browser.get(f"/tasks/{task.pk}/").status_code == 200
    pending = make_task(task_name="waiting", base_runtime="no-such-engine")
    assert browser.get(f"/tasks/{pending.pk}/").status_code == 200
