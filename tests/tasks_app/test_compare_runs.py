"""The page that compares whole runs."""

from typing import Any

import pytest
from django.test import Client

from tests.chart_factories import run_of
from tests.factories import completed_task, make_task

pytestmark = pytest.mark.django_db


def get(browser: Client, path: str) -> str:
    response: Any = browser.get(path)
    assert response.status_code == 200, path
    return " ".join(response.content.decode().split())


def test_it_begins_with_a_choice_of_runs(browser: Client) -> None:
    task = completed_task((50.0,))
    text = get(browser, "/compare")
    assert "Choose two to 6 runs" in text
    assert f"run={task.pk}.1#choose" in text
    assert "The best of each" not in text


def test_it_finds_a_task_by_its_name(browser: Client) -> None:
    completed_task((50.0,), task_name="needle")
    completed_task((50.0,), task_name="haystack")
    text = get(browser, "/compare?q=NEED")
    assert ">needle</a>" in text
    assert "haystack" not in text
    assert "has “nothing” in it" in get(browser, "/compare?q=nothing")


def test_it_keeps_what_was_chosen_while_one_searches(browser: Client) -> None:
    task = completed_task((50.0,))
    text = get(browser, f"/compare?run={task.pk}.1&q=x")
    assert f'<input type="hidden" name="run" value="{task.pk}.1">' in text


def test_it_compares_two_runs(browser: Client) -> None:
    one, other = run_of(6), run_of(6, scale=1.5)
    text = get(browser, f"/compare?run={one.pk}.1&run={other.pk}.1")
    assert "The best of each" in text
    assert "Best score over the experiments" in text
    assert "Throughput against TTFT p99" in text
    assert "What was asked for" in text
    assert text.count("<svg") >= 4


def test_it_says_which_runs_there_are_not(browser: Client) -> None:
    task = completed_task((50.0,))
    assert "There is no run 9999.1" in get(browser, f"/compare?run={task.pk}.1&run=9999.1")


def test_it_shows_the_first_of_too_many(browser: Client) -> None:
    tasks = [completed_task((50.0,)) for _ in range(7)]
    query = "&".join(f"run={task.pk}.1" for task in tasks)
    text = get(browser, f"/compare?{query}")
    assert "Up to 6 runs fit beside each other" in text
    assert f"tasks/{tasks[6].pk}/" not in text


def test_names_are_texts(browser: Client) -> None:
    tasks = [completed_task((50.0,), task_name=f"<script>alert({n})</script>") for n in range(2)]
    text = get(browser, f"/compare?run={tasks[0].pk}.1&run={tasks[1].pk}.1&q=<script>")
    assert "<script>alert" not in text


def test_its_secrets_are_masked(browser: Client) -> None:
    tasks = [completed_task((5.0,), environment={"A_TOKEN": f"hush-hush-{n}"}) for n in range(2)]
    text = get(browser, f"/compare?run={tasks[0].pk}.1&run={tasks[1].pk}.1")
    assert "hush-hush" not in text
    assert "a secret, another one" in text


@pytest.mark.parametrize("name", ["progress", "levels"])
def test_its_charts_are_files_too(browser: Client, name: str) -> None:
    tasks = [run_of(5), run_of(5)]
    query = "&".join(f"run={task.pk}.1" for task in tasks)
    svg: Any = browser.get(f"/compare/{name}.svg?{query}&theme=dark")
    assert svg["Content-Type"] == "image/svg+xml"
    assert "var(" not in svg.content.decode()
    png: Any = browser.get(f"/compare/{name}.png?{query}")
    assert png.content.startswith(b"\x89PNG")


def test_it_has_no_file_of_nothing(browser: Client) -> None:
    assert browser.get("/compare/progress.svg").status_code == 404
    assert browser.get("/compare/levels.png?run=x").status_code == 404
    assert browser.get("/compare/other.svg").status_code == 404


def test_it_needs_few_queries(browser: Client, django_assert_max_num_queries: Any) -> None:
    tasks = [run_of(40, measured=40), run_of(5)]
    with django_assert_max_num_queries(27):
        get(browser, f"/compare?run={tasks[0].pk}.1&run={tasks[1].pk}.1")


def test_it_compares_what_was_ticked_in_the_list(browser: Client) -> None:
    first, second = completed_task((50.0, 60.0)), completed_task((50.0, 70.0))
    never_ran = make_task()
    sent = {"task": [first.pk, second.pk, never_ran.pk]}
    response: Any = browser.post("/tasks/compare", sent, follow=True)
    chosen = [run.task.pk for run in (r.overview for r in response.context["comparison"].runs)]
    assert sorted(chosen) == sorted([first.pk, second.pk])
    assert "Tasks that were never started are left out." in response.content.decode()


def test_it_says_when_too_many_are_ticked_to_compare(browser: Client) -> None:
    tasks = [make_task() for _ in range(7)]
    response: Any = browser.post("/tasks/compare", {"task": [t.pk for t in tasks]}, follow=True)
    assert response.redirect_chain[-1][0] == "/"
    assert "7 tasks are too many: at most 6" in response.content.decode()
