"""The results of a run: the table is sorted, filtered, fitted and compared, with JS and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import OpenPage
from tests.factories import begin, completed_task, make_experiment, running_task


@pytest.fixture(params=[True, False], ids=["with JS", "without JS"])
def reader(request: pytest.FixtureRequest, open_page: OpenPage) -> Page:
    return open_page(java_script_enabled=request.param)


def first_numbers(page: Page, count: int) -> list[str]:
    rows = page.locator("tr[id^=experiment-] th a")
    return [(rows.nth(index).text_content() or "") for index in range(count)]


def test_it_sorts_by_what_is_clicked(reader: Page) -> None:
    reader.goto(f"/tasks/{completed_task().pk}/")
    reader.locator(".experiments").get_by_role("link", name="Score").click()
    expect(reader.get_by_role("columnheader", name="Score")).to_have_attribute(
        "aria-sort", "ascending"
    )
    assert first_numbers(reader, 2) == ["1", "0"]
    reader.locator(".experiments").get_by_role("link", name="Score").click()
    expect(reader.get_by_role("columnheader", name="Score")).to_have_attribute(
        "aria-sort", "descending"
    )
    assert first_numbers(reader, 2) == ["10", "11"]


def test_it_shows_the_columns_that_the_reader_chose_and_remembers_them(reader: Page) -> None:
    first, second = completed_task((50.0, 60.0)), completed_task((50.0, 60.0))
    reader.goto(f"/tasks/{first.pk}/?sort=-score")
    reader.get_by_text("Columns").click()
    reader.get_by_label("E2E p99").check()
    reader.get_by_label("Measure", exact=True).uncheck()
    reader.get_by_role("button", name="Show these").click()
    expect(reader).to_have_url(re.compile(r"\?sort=-score"))
    for task in (first, second):
        reader.goto(f"/tasks/{task.pk}/")
        expect(reader.get_by_role("columnheader", name="E2E p99")).to_be_visible()
        expect(reader.get_by_role("columnheader", name="Measure")).to_have_count(0)
    reader.get_by_text("Columns").click()
    reader.get_by_role("button", name="As at first").click()
    expect(reader.get_by_role("columnheader", name="Measure")).to_be_visible()


def test_it_filters_and_says_why(reader: Page) -> None:
    reader.goto(f"/tasks/{factories.infeasible_task().pk}/")
    reader.get_by_role("link", name="Infeasible").click()
    expect(reader.locator("#experiment-2 .why")).to_contain_text("over the bound of 0.3 s")
    reader.get_by_role("link", name="Failed").click()
    expect(reader.locator(".experiments")).to_contain_text("None of this kind")


def test_it_shows_the_selected_side_by_side(reader: Page) -> None:
    reader.goto(f"/tasks/{completed_task().pk}/")
    for number in (0, 10):
        reader.get_by_label(f"Select experiment {number}", exact=True).check()
    reader.get_by_role("button", name="Compare selected").click()
    expect(reader.locator("h1")).to_have_text("Experiments side by side")
    expect(reader.locator(".side-by-side")).to_contain_text("+115.5%")
    expect(reader.locator("mark").first).to_be_visible()


def test_the_page_that_follows_keeps_order_selection_and_the_open_menu(page: Page) -> None:
    task = running_task()
    page.goto(f"/tasks/{task.pk}/?sort=-score")
    page.get_by_label("Select experiment 2", exact=True).check()
    page.get_by_text("Columns").click()
    page.get_by_label("E2E p99").check()
    current = task.experiments.get(number=4)
    current.succeed("factory", score=99.0, slo_excess=None)
    begin(make_experiment(task, 5), {"phase": "starting"})
    expect(page.locator("#experiment-5")).to_contain_text("starting")
    assert first_numbers(page, 2) == ["4", "2"]
    expect(page.get_by_label("Select experiment 2", exact=True)).to_be_checked()
    expect(page.get_by_label("Select experiment 4", exact=True)).not_to_be_checked()
    expect(page.get_by_label("E2E p99")).to_be_checked()
    expect(page.get_by_role("button", name="Show these")).to_be_visible()
