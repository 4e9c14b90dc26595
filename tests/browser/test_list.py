"""The list of tasks as people use it: filter, sort, select, follow, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

from tasks_app.labels import set_labels
from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.browser.test_flows import WITH_AND_WITHOUT
from tests.factories import SCORES, completed_task, make_task, running_task, succeed

PHONE = {"width": 390, "height": 844}
TOP_ROW = ("title", "status")


def tick(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()


@WITH_AND_WITHOUT
def test_it_filters_and_keeps_the_filter_in_the_address(open_page: OpenPage, scripts: bool) -> None:
    make_task(task_name="waits")
    set_labels(completed_task((50.0,), task_name="is done"), ["prod"])
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_label("Status").select_option("completed")
    if not scripts:
        page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="waits", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="is done", exact=True)).to_be_visible()
    assert "status=completed" in page.url
    if scripts:
        assert "q=" not in page.url
    page.reload()
    expect(page.get_by_label("Status")).to_have_value("completed")
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="prod", exact=True).click()
    expect(page).to_have_url(re.compile("label=prod"))


@WITH_AND_WITHOUT
def test_it_sorts_by_a_click_on_a_heading(open_page: OpenPage, scripts: bool) -> None:
    for scores, name in (((50.0, 60.0), "little"), ((50.0, 100.0), "much"), ((50.0,), "none")):
        completed_task(scores, task_name=name)
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_role("link", name="Gain").click()
    names = page.locator(".task-name")
    expect(names).to_have_text(["much", "little", "none"])
    heading = page.get_by_role("columnheader", name="Gain")
    expect(heading).to_have_attribute("aria-sort", "descending")
    page.get_by_role("link", name="Gain").click()
    expect(names).to_have_text(["none", "little", "much"])
    expect(heading).to_have_attribute("aria-sort", "ascending")


@WITH_AND_WITHOUT
def test_it_archives_the_selected_and_finds_them_again(open_page: OpenPage, scripts: bool) -> None:
    for name in ("one", "two", "three"):
        make_task(task_name=name)
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    tick(page, "one", "three")
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("main")).to_contain_text("2 tasks archived.")
    expect(page.locator(".task-name")).to_have_text(["two"])
    page.get_by_label("Archive", exact=True).select_option("yes")
    if not scripts:
        page.get_by_role("button", name="Filter").click()
    expect(page.locator(".task-name")).to_have_text(["three", "one"])
    tick(page, "one")
    page.get_by_role("button", name="Bring back").click()
    expect(page.locator("main")).to_contain_text("1 task brought back.")


@WITH_AND_WITHOUT
def test_it_deletes_many_when_asked_twice(open_page: OpenPage, scripts: bool) -> None:
    completed_task((50.0, 60.0), task_name="gone")
    running_task(task_name="goes on")
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    tick(page, "gone", "goes on")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("h1")).to_have_text("Delete 1 task?")
    expect(page.locator("main")).to_contain_text("goes on: is running: cancel it first")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("h1")).to_have_text("1 of 2 tasks deleted")
    page.get_by_role("link", name="Back to the list").click()
    expect(page.locator(".task-name")).to_have_text(["goes on"])


@WITH_AND_WITHOUT
def test_it_changes_one_field_of_many(open_page: OpenPage, scripts: bool) -> None:
    first, second = make_task(task_name="first"), make_task(task_name="second")
    page = open_page(java_script_enabled=scripts, expected="422")
    page.goto("/")
    tick(page, "first", "second")
    page.get_by_role("button", name="Change a field").click()
    page.get_by_label("Field", exact=True).select_option("max_iterations")
    if not scripts:
        page.get_by_role("button", name="Choose").click()
    value = page.get_by_label("New value")
    expect(value).to_have_value("12")
    value.fill("lots")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator(".field-error")).to_contain_text("whole number")
    expect(value).to_have_value("lots")
    value.fill("5")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("h1")).to_contain_text("2 tasks changed")
    expect(page.locator("main")).to_contain_text("12 → 5")
    for task in (first, second):
        task.refresh_from_db()
        assert task.optimization["max_iterations"] == 5


@WITH_AND_WITHOUT
def test_it_labels_all_that_the_filter_finds(open_page: OpenPage, scripts: bool) -> None:
    for number in range(27):
        make_task(task_name=f"alpha {number}")
    make_task(task_name="beta")
    page = open_page(java_script_enabled=scripts)
    page.goto("/?q=alpha")
    tick(page, "alpha 26")
    page.get_by_label("all 27 found").check()
    page.get_by_role("button", name="Label").click()
    page.get_by_label("Labels").fill("nightly")
    page.get_by_role("button", name="Put on").click()
    expect(page.locator("main")).to_contain_text("27 tasks have these labels.")
    assert Task.objects.filter(labels__name="nightly").count() == 27


def test_it_selects_a_page_and_a_range(page: Page) -> None:
    for number in range(6):
        make_task(task_name=f"task {number}")
    page.goto("/")
    bar = page.get_by_role("form", name="Selected tasks")
    expect(bar).to_be_hidden()
    page.get_by_label("Select all tasks of this page").check()
    expect(bar).to_contain_text("6 selected")
    page.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()
    page.get_by_label("Select task 5", exact=True).click()
    page.get_by_label("Select task 2", exact=True).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 selected")


def test_it_follows_what_runs_and_moves_nothing(page: Page) -> None:
    task = running_task(task_name="runs")
    make_task(task_name="waits")
    page.goto("/")
    tick(page, "waits")
    where = (
        "[...document.querySelectorAll('.tasks td, .tasks tr')]"
        ".map(e => [e.offsetLeft, e.offsetTop, e.offsetWidth])"
    )
    before = page.evaluate(where)
    active = task.experiments.get(number=4)
    succeed(active, SCORES[5])
    expect(page.locator("#task-rows")).to_contain_text("5 of 13")
    expect(page.locator("#task-rows")).to_contain_text("96.40 tokens/s")
    expect(page.get_by_label("Select waits", exact=True)).to_be_checked()
    expect(page.get_by_role("form", name="Selected tasks")).to_contain_text("1 selected")
    assert page.evaluate(where) == before


def test_it_asks_no_more_when_nothing_runs(page: Page) -> None:
    task = running_task()
    page.goto("/")
    with page.expect_response(re.compile("/tasks/rows")):
        task.cancel()
    expect(page.locator("#task-rows .status")).to_have_text("Cancelled")
    expect(page.locator("#task-rows[data-hx-trigger]")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4000)  # longer than the interval
    assert asked == []


def test_a_task_deleted_under_the_open_list_leaves_it(page: Page) -> None:
    running_task(task_name="runs")
    gone = make_task(task_name="gone")
    page.goto("/")
    tick(page, "gone")
    gone.delete()
    expect(page.get_by_role("link", name="gone", exact=True)).to_have_count(0)
    expect(page.get_by_role("form", name="Selected tasks")).to_be_hidden()


def test_it_renames_in_place_while_the_list_follows(open_page: OpenPage) -> None:
    running_task(task_name="runs")
    page = open_page(expected="422")
    make_task(task_name="taken")
    page.goto("/")
    page.get_by_role("link", name="Change name, description and labels of runs").click()
    name = page.locator(".quick-edit input[name=name]")
    expect(name).to_be_focused()
    name.fill("taken")
    with page.expect_response(re.compile("/tasks/rows")):
        pass
    expect(name).to_have_value("taken")
    page.locator(".quick-edit button").click()
    page.locator(".field-error", has_text="There is a task of this name already").wait_for()
    name.fill("renamed")
    page.locator(".quick-edit input[name=label_names]").fill("a, b")
    page.locator(".quick-edit button").click()
    expect(page.locator(".task-name")).to_have_text(["taken", "renamed"])
    expect(page.locator(".chip.label")).to_have_text(["a", "b"])


def test_it_renames_without_scripts_on_a_page_of_its_own(open_page: OpenPage) -> None:
    make_task(task_name="mine")
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.get_by_role("link", name="Change name, description and labels of mine").click()
    page.get_by_label("Name", exact=True).fill("renamed")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("renamed")


def test_it_works_from_the_keyboard(page: Page) -> None:
    make_task(task_name="mine")
    page.goto("/")
    page.get_by_label("Select mine", exact=True).focus()
    page.keyboard.press("Space")
    button = page.get_by_role("button", name="Archive")
    for _ in range(16):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("1 task archived.")


@pytest.mark.parametrize("name", ["ثاني مهمة طويلة جدا", "x" * 200, "<b>" * 40])
def test_it_holds_any_name_on_a_phone(open_page: OpenPage, name: str) -> None:
    set_labels(completed_task((50.0,), task_name=name), ["a label of some length"])
    page = open_page(viewport=PHONE)
    page.goto("/")
    tick(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    title, status = (page.locator(f"tbody .{cell}-cell").bounding_box() for cell in TOP_ROW)
    assert title
    assert status
    assert title["x"] + title["width"] <= status["x"]
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("main")).to_contain_text("1 task archived.")
