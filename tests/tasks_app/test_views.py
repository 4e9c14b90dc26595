from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments_app import task_log
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests import factories
from tests.factories import completed_task, make_task, running_task
from tests.pages import HTMX, messages_of, text_of
from tests.tasks_app.test_forms import typed

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


# Creating and editing


def test_it_shows_an_empty_form(browser: Client) -> None:
    text = text_of(browser.get("/tasks/new"))
    assert 'value="D(100,100)"' in text
    assert "In a container" in text


def test_it_saves_a_new_task(browser: Client) -> None:
    response = browser.post("/tasks/new", typed(action="save"))
    task = Task.objects.get()
    assert response.headers["Location"] == f"/tasks/{task.pk}/"
    assert task.status == Task.Status.PENDING
    assert task.created_by is not None


def test_it_says_at_once_which_volumes_this_site_refuses(browser: Client, tmp_path: Path) -> None:
    data = typed(action="save", deployment_mode="docker", volumes=f"{tmp_path}:/a")
    browser.post("/tasks/new", data)
    told = messages_of(browser.get("/"))
    assert any("container.volumes[0]: this site lets tasks mount nothing" in text for text in told)


def test_it_sends_no_secret_to_the_browser(browser: Client) -> None:
    access = {"hub_token": "hf_hidden-1", "http_proxy": "http://u:hidden-2@proxy"}
    task = make_task(access=access, environment={"API_KEY": "hidden-3"})
    browser.post(f"/tasks/{task.pk}/duplicate")
    copy = Task.objects.exclude(pk=task.pk).get()
    assert copy.access == task.access
    wrong = typed(action="save", hub_token="hf_hidden-4", seed="x")
    paths = ["/"]
    for pk in (task.pk, copy.pk):
        paths += [f"/tasks/{pk}/", f"/tasks/{pk}/edit", f"/tasks/{pk}/edit?view=yaml"]
    pages = [browser.post("/tasks/new", wrong), *map(browser.get, paths)]
    assert not any("hidden-" in page.content.decode() for page in pages)
    assert "Put it in again" in text_of(pages[0])


def test_it_settles_a_conflict_without_losing_a_new_token(browser: Client) -> None:
    task = make_task(access={"hub_token": "hf_hidden-1"})
    changed = task.spec.model_copy(update={"description": "theirs"})
    Task.objects.get(pk=task.pk).replace_spec(changed, version=1)
    data = typed(action="save", version="1", hub_token="hf_hidden-2")
    page = browser.post(f"/tasks/{task.pk}/edit", data)
    assert page.status_code == 409
    assert "hidden-" not in text_of(page)
    assert "Put it in again" in text_of(page)


def test_it_saves_and_starts(browser: Client) -> None:
    browser.post("/tasks/new", typed(action="save_and_start"))
    assert Task.objects.get().status == Task.Status.RUNNING


def test_it_saves_what_it_cannot_start_and_says_so(browser: Client) -> None:
    data = typed(action="save_and_start", deployment_mode="docker", runtime_image="a/b:c")
    response = browser.post("/tasks/new", data, follow=True)
    assert Task.objects.get().status == Task.Status.PENDING
    assert any("docker" in message for message in messages_of(response))


def test_it_shows_errors_at_their_fields(browser: Client) -> None:
    response = browser.post("/tasks/new", typed(parameters={"treads": [1]}))
    assert response.status_code == 422
    text = text_of(response)
    assert 'aria-invalid="true"' in text
    assert "did you mean &#x27;threads&#x27;" in text
    assert 'value="treads"' in text
    assert not Task.objects.exists()


def edit(browser: Client, task: Task, method: str, **changes: Any) -> Any:
    send = browser.post if method == "POST" else browser.put
    return send(
        f"/tasks/{task.pk}/edit",
        urlencode(typed(**changes)),
        content_type="application/x-www-form-urlencoded",
    )


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_it_replaces_a_task(browser: Client, method: str) -> None:
    task = make_task(description="old")
    response = edit(browser, task, method, version="1", seed="7")
    assert response.headers["Location"] == f"/tasks/{task.pk}/"
    task.refresh_from_db()
    assert (task.name, task.description, task.version) == ("mine", "", 2)
    assert task.optimization["seed"] == 7


def test_it_leads_htmx_to_the_saved_task(browser: Client) -> None:
    task = make_task()
    response = browser.put(
        f"/tasks/{task.pk}/edit",
        urlencode(typed(version="1")),
        content_type="application/x-www-form-urlencoded",
        headers=HTMX,
    )
    assert response.headers["HX-Redirect"] == f"/tasks/{task.pk}/"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_it_refuses_an_edit_of_an_old_version(browser: Client, method: str) -> None:
    task = make_task()
    edit(browser, task, method, version="1", description="first")
    response = edit(browser, task, method, version="1", description="second")
    assert response.status_code == 409
    text = text_of(response)
    assert "- description: first" in text
    assert "+ description: second" in text
    assert 'name="version" value="2"' in text
    task.refresh_from_db()
    assert task.description == "first"


def test_it_refuses_an_edit_without_a_version(browser: Client) -> None:
    task = make_task()
    assert edit(browser, task, "PUT").status_code == 409


def test_it_makes_no_new_version_without_a_change(browser: Client) -> None:
    task = make_task()
    edit(browser, task, "PUT", version="1")
    response = edit(browser, task, "POST", version="2")
    follow = browser.get(response.headers["Location"])
    assert "Nothing was changed." in messages_of(follow)
    task.refresh_from_db()
    assert task.version == 2


def test_it_keeps_a_name_from_a_second_task(browser: Client) -> None:
    make_task(task_name="mine")
    other = make_task()
    response = edit(browser, other, "PUT", version="1")
    assert response.status_code == 422
    assert "there is a task" in text_of(response)


def test_it_never_edits_a_running_task(browser: Client) -> None:
    task = running_task()
    response = browser.get(f"/tasks/{task.pk}/edit", follow=True)
    assert "A running task cannot be edited" in messages_of(response)[0]
    assert edit(browser, task, "PUT", version="1").status_code == 422
    task.refresh_from_db()
    assert task.name != "mine"


def test_it_turns_the_form_into_yaml(browser: Client) -> None:
    response = browser.post("/tasks/new", typed(action="as_yaml"))
    assert response.status_code == 200
    assert "traffic_scenarios: [" in text_of(response)
    assert not Task.objects.exists()


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
