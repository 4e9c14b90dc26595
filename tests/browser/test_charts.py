"""Charts in the task's page and beside it, the comparison of whole runs, in a real browser."""

import re

from playwright.sync_api import Page, expect

from experiments_app.charts.registry import CHARTS
from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.browser.test_accessibility import NARROW, WIDE, problems
from tests.chart_factories import run_of
from tests.factories import completed_task, running_task

OF_ONE_OBJECTIVE = {name: chart for name, chart in CHARTS.items() if name != "front"}


def tab(page: Page, label: str) -> None:
    page.get_by_role("navigation", name="Charts").get_by_role("link", name=label).click()


def test_a_tab_shows_its_chart_without_a_reload(page: Page) -> None:
    task = run_of(13)
    page.goto(f"/tasks/{task.pk}/")
    page.evaluate("window.notReloaded = true")
    tab(page, "Load levels")
    expect(page.locator("#charts-heading")).to_have_text("Throughput against TTFT p99")
    page.locator("#levels-latency").select_option("e2e")
    expect(page.locator("#charts-heading")).to_have_text(re.compile("Throughput against E2E"))
    expect(page).to_have_url(re.compile("latency=e2e"))
    assert page.evaluate("window.notReloaded")
    page.reload()
    expect(page.locator("#charts-heading")).to_have_text(re.compile("Throughput against E2E"))


def test_every_chart_is_there_without_a_script(open_page: OpenPage) -> None:
    task = run_of(40)
    page = open_page(java_script_enabled=False)
    page.set_default_timeout(30_000)  # what some are computed with is loaded for the first of them
    page.goto(f"/tasks/{task.pk}/")
    for chart in OF_ONE_OBJECTIVE.values():
        tab(page, chart.label)
        expect(page.locator(".chart-wide svg")).to_be_visible()
    tab(page, "Progress")
    page.locator("#progress-over").select_option("time")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#charts-heading")).to_have_text("Best score over time")


def test_the_page_of_all_charts_is_there_without_a_script(open_page: OpenPage) -> None:
    task = run_of(13)
    page = open_page(java_script_enabled=False, viewport=WIDE, expected="404")
    page.goto(f"/tasks/{task.pk}/charts/")
    expect(page.locator("img.chart-image")).to_have_count(len(OF_ONE_OBJECTIVE))
    page.get_by_role("link", name="Open the chart Heat map").click()
    expect(page.locator(".chart-wide svg")).to_be_visible()


def test_the_page_of_all_charts_draws_them_as_they_come_into_sight(page: Page) -> None:
    task = run_of(40)
    page.goto(f"/tasks/{task.pk}/charts/")
    for name in OF_ONE_OBJECTIVE:
        # At once: a chart that arrives takes the place of the element that one waits to scroll to.
        page.evaluate(f"document.getElementById('chart-{name}').scrollIntoView()")
        expect(page.locator(f"#chart-{name} .chart-wide svg")).to_be_visible()


def test_a_chart_is_fetched_only_when_it_has_changed(page: Page) -> None:
    task = running_task()
    fetched: list[str] = []
    page.on("request", lambda r: fetched.append(r.url) if "chart-section" in r.url else None)
    page.goto(f"/tasks/{task.pk}/?chart=progress")
    page.evaluate("document.querySelector('.chart-wide svg').mark = 'the same'")
    page.wait_for_timeout(5000)
    assert fetched == []
    assert page.evaluate("document.querySelector('.chart-wide svg').mark") == "the same"
    task.experiments.get(status="benchmarking").succeed("factory", score=99.5, slo_excess=None)
    expect(page.locator(".chart-wide")).to_contain_text("★ Best: Experiment 4")
    page.wait_for_timeout(4500)
    assert len(fetched) == 1


def test_a_mark_leads_to_its_experiment(page: Page) -> None:
    task = completed_task()
    page.goto(f"/tasks/{task.pk}/")
    page.locator(".chart-wide a").nth(2).click()
    expect(page).to_have_url(re.compile(r"/experiments/\d+/$"))


def test_it_is_saved_as_a_file(page: Page) -> None:
    task = completed_task()
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_text("Download Objective score").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="PNG, dark").click()
    assert download.value.suggested_filename == f"task_{task.pk}_run_1_score.png"


def paths() -> list[str]:
    tasks: list[Task] = [run_of(13, repeats=2), run_of(30, scale=1.4)]
    compared = "&".join(f"run={task.pk}.1" for task in tasks)
    return [
        *(f"/tasks/{tasks[1].pk}/?chart={name}" for name in OF_ONE_OBJECTIVE),
        f"/tasks/{tasks[0].pk}/charts/",
        f"/tasks/{tasks[0].pk}/charts/levels",
        "/compare",
        f"/compare?{compared}",
    ]


def test_charts_are_accessible(open_page: OpenPage) -> None:
    page = open_page(viewport=WIDE)
    found = {}
    for path in paths():
        page.goto(path)
        found[path] = problems(page)
    assert {path: some for path, some in found.items() if some} == {}


def test_charts_are_no_wider_than_a_phone(open_page: OpenPage) -> None:
    page = open_page(viewport=NARROW)
    for path in paths():
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW["width"], path


def test_runs_are_chosen_and_compared(open_page: OpenPage) -> None:
    run_of(8, task_name="before")
    run_of(8, scale=1.5, task_name="after")
    page = open_page(java_script_enabled=False)
    page.goto("/compare")
    page.get_by_role("link", name="before", exact=True).click()
    page.get_by_label("Find a task").fill("aft")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="after", exact=True).click()
    expect(page.get_by_role("heading", name="The best of each")).to_be_visible()
    expect(page.locator("#chart-levels .chart-wide")).to_contain_text("after")
    page.get_by_role("link", name="Defaults", exact=True).click()
    expect(page.get_by_role("heading", name="The defaults")).to_be_visible()
    page.get_by_role("link", name="Remove after run 1").click()
    expect(page.get_by_role("heading", name="Choose two to 6 runs")).to_be_visible()
