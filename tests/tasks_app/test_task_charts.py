"""The charts of a task: in its page, on pages of their own, as files."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from experiments_app.charts.registry import CHARTS, charts_of
from tasks_app.models import Task
from tests import factories
from tests.chart_factories import run_of
from tests.factories import completed_task, running_task

pytestmark = pytest.mark.django_db
SVG = "{http://www.w3.org/2000/svg}"
HTMX = {"hx-request": "true"}
SEVERAL = {"objectives": ["throughput", "ttft_p99"], "max_iterations": 24}


def charted(name: str, **shape: Any) -> Task:
    """A run that the chart is offered for."""
    changes: dict[str, Any] = {"optimization": SEVERAL} if CHARTS[name].several_only else {}
    return run_of(24, **shape, **changes)


def get(browser: Client, path: str, **headers: str) -> str:
    response: Any = browser.get(path, headers=headers)
    assert response.status_code == 200, path
    return str(response.content.decode())


def test_it_shows_the_scores_first(browser: Client) -> None:
    text = get(browser, f"/tasks/{completed_task().pk}/")
    assert "Objective score of each experiment</h2>" in text
    assert text.count("<svg") >= 2


@pytest.mark.parametrize("name", list(CHARTS))
def test_it_shows_the_chart_that_was_chosen(browser: Client, name: str) -> None:
    task = charted(name)
    text = get(browser, f"/tasks/{task.pk}/?chart={name}")
    assert f'aria-current="true">{CHARTS[name].label}</a>' in text
    assert 'class="chart chart-wide"><svg' in text


def test_it_takes_an_unknown_chart_for_none_chosen(browser: Client) -> None:
    text = get(browser, f"/tasks/{completed_task().pk}/?chart=%3Cscript%3E")
    assert 'aria-current="true">Scores</a>' in text
    assert "<script>" not in text


def test_a_poll_brings_no_chart(browser: Client) -> None:
    task = running_task()
    text = get(browser, f"/tasks/{task.pk}/", **HTMX)
    assert "data-stub" in text
    assert "graphics-symbol" not in text


def version_of(text: str) -> str:
    return text.partition('data-version="')[2].partition('"')[0]


def test_a_poll_tells_when_the_charts_have_changed(browser: Client) -> None:
    task = running_task()
    before = version_of(get(browser, f"/tasks/{task.pk}/"))
    assert version_of(get(browser, f"/tasks/{task.pk}/", **HTMX)) == before
    current = task.experiments.get(status="benchmarking")
    current.succeed(factories.TOKEN, score=99.5, slo_excess=None)
    assert version_of(get(browser, f"/tasks/{task.pk}/", **HTMX)) != before
    assert version_of(get(browser, f"/tasks/{task.pk}/chart-section", **HTMX)) != before


def test_its_form_keeps_what_else_was_chosen(browser: Client) -> None:
    task = run_of(5)
    text = get(browser, f"/tasks/{task.pk}/?chart=levels&run=1&sort=ttft&latency=tpot")
    assert '<input type="hidden" name="run" value="1">' in text
    assert '<input type="hidden" name="sort" value="ttft">' in text
    assert '<option value="tpot" selected>' in text


@pytest.mark.parametrize("optimization", [{}, SEVERAL])
def test_it_has_a_page_with_all_charts(browser: Client, optimization: dict[str, Any]) -> None:
    task = completed_task(optimization=optimization)
    text = get(browser, f"/tasks/{task.pk}/charts/?run=1")
    assert ("/charts/front.svg" in text) is bool(optimization)
    for name in (chart.name for chart in charts_of(task.spec)):
        assert f'data-hx-get="/tasks/{task.pk}/charts/{name}?run=1"' in text
        assert f'src="/tasks/{task.pk}/charts/{name}.svg?run=1"' in text


@pytest.mark.parametrize("name", list(CHARTS))
def test_it_has_a_page_for_each_chart(browser: Client, name: str) -> None:
    task = charted(name)
    page = get(browser, f"/tasks/{task.pk}/charts/{name}")
    figure = get(browser, f"/tasks/{task.pk}/charts/{name}", **HTMX)
    assert "<!doctype html>" in page
    assert "<!doctype html>" not in figure
    assert "<svg" in figure


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", list(CHARTS))
def test_its_svg_file_stands_by_itself(browser: Client, name: str, theme: str) -> None:
    task = charted(name, repeats=2)
    response: Any = browser.get(f"/tasks/{task.pk}/charts/{name}.svg?theme={theme}")
    assert response["Content-Type"] == "image/svg+xml"
    assert f'task_{task.pk}_run_1_{name}.svg"' in response["Content-Disposition"]
    text = response.content.decode()
    root = ET.fromstring(text)
    assert "var(" not in text
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    assert {link.attrib["href"][:18] for link in root.iter(f"{SVG}a")} <= {"http://testserver/"}


def test_its_png_file_is_a_picture(browser: Client) -> None:
    response = browser.get(f"/tasks/{completed_task().pk}/charts/score.png?theme=dark")
    assert response["Content-Type"] == "image/png"
    assert response.content.startswith(b"\x89PNG")


def test_its_files_show_the_run_that_was_asked_for(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    task.restart()
    factories.succeed(factories.make_experiment(task, 0), 70.0)
    path = f"/tasks/{task.pk}/charts/score.svg"
    assert "2 of 2 experiments" in get(browser, f"{path}?run=1")
    assert "1 of 1 experiments" in get(browser, path)


@pytest.mark.parametrize(
    "path",
    [
        "/tasks/{pk}/charts/nothing", "/tasks/{pk}/charts/nothing.svg",
        "/tasks/{pk}/charts/score.svg?theme=pink", "/tasks/{pk}/charts/score.svg?run=9",
        "/tasks/{pk}/charts/?run=x", "/tasks/9999/charts/", "/tasks/{pk}/charts/score.gif",
    ],
)  # fmt: skip
def test_it_answers_404_to_what_is_not_there(browser: Client, path: str) -> None:
    task = completed_task((50.0,))
    assert browser.get(path.format(pk=task.pk)).status_code == 404


def test_it_has_no_file_of_an_empty_chart(browser: Client) -> None:
    assert browser.get(f"/tasks/{factories.failed_task().pk}/charts/score.svg").status_code == 404


def test_it_says_why_there_is_no_chart(browser: Client) -> None:
    text = get(browser, f"/tasks/{factories.failed_task().pk}/")
    assert "No experiment has a score: 3 could not be measured." in text


def test_it_needs_a_constant_number_of_queries(
    browser: Client, django_assert_max_num_queries: Any
) -> None:
    tasks = [run_of(5), run_of(60, measured=60), charted("front")]
    for task in tasks:
        for name in (chart.name for chart in charts_of(task.spec)):
            with django_assert_max_num_queries(12):
                get(browser, f"/tasks/{task.pk}/charts/{name}")
