"""From a fresh site to a running task, and what a newcomer sees on the way."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.factories import make_task, running_task

WITH_AND_WITHOUT = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])


class Person:
    """Does one thing after the other and counts."""

    def __init__(self) -> None:
        self.interactions = 0

    def click(self, target: Locator) -> None:
        self.interactions += 1
        target.click()


@WITH_AND_WITHOUT
def test_the_builtin_task_runs_after_few_interactions(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    person = Person()
    person.click(page.get_by_role("button", name="Tune the built-in model"))
    expect(page.locator("#live")).to_contain_text("Waiting for a worker")
    task = Task.objects.get()
    assert task.status == Task.Status.RUNNING
    assert task.created_by is not None
    assert person.interactions <= 25


def test_a_double_click_starts_it_once(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Tune the built-in model").dblclick()
    expect(page.locator("#live")).to_contain_text("Waiting for a worker")
    assert Task.objects.get().run == 1


def test_the_page_is_there_before_the_machine_is_checked(page: Page) -> None:
    page.route("**/system/checks/*", lambda route: None)  # never answers
    page.goto("/", wait_until="load")
    expect(page.locator("#check-machine")).to_contain_text("Looking…")
    expect(page.get_by_role("button", name="Tune the built-in model")).to_be_enabled()
    page.unroute_all(behavior="ignoreErrors")


def test_it_tells_what_was_found_on_this_machine(page: Page) -> None:
    page.goto("/")
    machine = page.locator("#check-machine")
    expect(machine).to_contain_text("9 checks passed")
    expect(page.locator("#check-containers")).to_contain_text("no Docker engine")
    machine.locator("summary").click()
    expect(machine).to_contain_text("Load client")


def test_without_scripts_a_link_checks_the_machine(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator("#check-machine").get_by_role("link", name="Check it now").click()
    expect(page.locator("h1")).to_have_text("Check this machine")
    expect(page.locator("#check-machine")).to_contain_text("checks passed")


def test_it_leads_to_the_form_and_to_the_import(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create a task of your own").click()
    expect(page.locator("h1")).to_have_text("New task")
    page.goto("/")
    page.get_by_role("link", name="Import a file").click()
    expect(page.locator("h1")).to_have_text("Import tasks")


@WITH_AND_WITHOUT
def test_signing_in_leads_back_to_the_page_that_was_opened(
    open_page: OpenPage, scripts: bool
) -> None:
    task = make_task()
    page = open_page(signed_in=False, java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/")
    expect(page.locator("main")).to_contain_text("you go on where you were")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("not a secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(rf"/tasks/{task.pk}/$"))


def test_a_page_that_follows_a_task_asks_to_sign_in_when_the_session_ends(page: Page) -> None:
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    page.context.clear_cookies()
    expect(page.locator("h1")).to_have_text("Sign in")
    expect(page.locator("main")).to_contain_text("you go on where you were")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("not a secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text(task.name)


def test_the_guide_leads_from_page_to_page(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.get_by_role("link", name="Every concept on one page").click()
    expect(page.locator("h1")).to_have_text("Concepts")
    page.get_by_role("link", name="task file").first.click()
    expect(page.locator("h1")).to_have_text("Write a task")
    page.locator("a[rel=next]").click()
    expect(page.locator("h1")).to_have_text("Read the results")
