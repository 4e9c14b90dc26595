"""The life of a task in a real browser: who comes second, who comes late, who clicks twice."""

import pytest
from playwright.sync_api import expect

from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.browser.test_flows import WITH_AND_WITHOUT
from tests.factories import completed_task, edit, make_task, running_task


@WITH_AND_WITHOUT
def test_it_archives_and_brings_back(open_page: OpenPage, scripts: bool) -> None:
    task = completed_task((50.0, 60.0))
    page = open_page(java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/")
    menu = page.locator("main summary").filter(has_text="More actions")
    menu.click()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.locator("main")).to_contain_text("The task is archived")
    menu.click()
    page.get_by_role("button", name="Bring back").click()
    expect(page.locator("main")).to_contain_text("The task is back in the list.")


@WITH_AND_WITHOUT
def test_it_restores_an_earlier_version(open_page: OpenPage, scripts: bool) -> None:
    task = make_task(description="at first")
    edit(task, description="then")
    page = open_page(java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/")
    page.locator("main summary").filter(has_text="More actions").click()
    page.get_by_role("link", name="History").click()
    expect(page.locator(".event").first).to_contain_text("then")
    page.get_by_role("link", name="version 1", exact=True).click()
    page.get_by_role("button", name="Restore this version").click()
    expect(page.locator("main")).to_contain_text("The task is again as in version 1.")
    task.refresh_from_db()
    assert (task.description, task.version) == ("at first", 3)


@WITH_AND_WITHOUT
def test_two_tabs_that_edit_lose_nothing(open_page: OpenPage, scripts: bool) -> None:
    task = make_task(description="seen by both")
    first = open_page(java_script_enabled=scripts, expected="409")
    second = open_page(java_script_enabled=scripts, expected="409")
    for page in (first, second):
        page.goto(f"/tasks/{task.pk}/edit")
    first.get_by_label("Description").fill("of the first")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.locator("main")).to_contain_text("The task is saved.")
    second.get_by_label("Description").fill("of the second")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.locator(".diff")).to_contain_text("- description: of the first")
    edit(Task.objects.get(pk=task.pk), description="of a third")
    second.get_by_role("button", name="Save mine over it").click()
    expect(second.locator(".diff")).to_contain_text("- description: of a third")
    expect(second.get_by_label("Description")).to_have_value("of the second")
    second.get_by_role("button", name="Save mine over it").click()
    expect(second.locator("main")).to_contain_text("The task is saved.")
    kept = [version.spec["description"] for version in task.versions.all()]
    assert kept == ["seen by both", "of the first", "of a third", "of the second"]


@WITH_AND_WITHOUT
def test_an_edit_outlives_its_task(open_page: OpenPage, scripts: bool) -> None:
    task = make_task(task_name="mine")
    # What is typed is checked as it is typed: 404 once the task is gone, then 422 for the save.
    page = open_page(java_script_enabled=scripts, expected="status of 4")
    page.goto(f"/tasks/{task.pk}/edit")
    page.get_by_label("Description").fill("typed for long")
    task.delete()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("The task was deleted meanwhile")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("h1")).to_have_text("mine")
    assert Task.objects.get().description == "typed for long"


@WITH_AND_WITHOUT
def test_it_changes_details_of_a_running_task(open_page: OpenPage, scripts: bool) -> None:
    task = running_task(task_name="runs")
    page = open_page(java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_role("link", name="Change name, description and labels").click()
    page.get_by_label("Description").fill("said while it runs")
    if scripts:
        with page.expect_response(lambda response: "/tasks/" in response.url):
            pass  # a poll has come and left the form as it is
        expect(page.get_by_label("Description")).to_have_value("said while it runs")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".description")).to_contain_text("said while it runs")


@pytest.mark.parametrize("action", ["Start", "Restart"])
def test_two_quick_clicks_make_one_run(open_page: OpenPage, action: str) -> None:
    task = make_task() if action == "Start" else completed_task((50.0,))
    page = open_page()
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_role("button", name=action, exact=True).dblclick()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_visible()
    task.refresh_from_db()
    assert task.runs.count() == task.run == (1 if action == "Start" else 2)


def test_a_click_on_a_page_that_is_behind_says_what_is(open_page: OpenPage) -> None:
    task = completed_task((50.0,))
    page = open_page()
    page.goto(f"/tasks/{task.pk}/")
    task.restart()
    page.get_by_role("button", name="Restart", exact=True).click()
    expect(page.locator("main")).to_contain_text("is running")
    assert task.runs.count() == 2
