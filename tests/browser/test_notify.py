"""The browser's own notification: asked for by a button, shown when the task ends."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from experiments_app import consumer
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.factories import running_task

# What the page constructs is constructed, and noted.
NOTE = """
  window.told = [];
  const Real = window.Notification;
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options);
      window.told.push([title, options.body]);
    }
  };
"""


@pytest.fixture(autouse=True)
def _consumer_lives() -> Iterator[None]:
    with consumer.beating():
        yield


def follow(page: Page, task: Task) -> None:
    page.add_init_script(NOTE)
    page.goto(f"/tasks/{task.pk}/")
    page.locator(".bell summary").click()


def end(task: Task) -> None:
    Experiment.objects.active().get(task=task).succeed("factory", score=99.0, slo_excess=None)
    task.complete("5 of 5 experiments succeeded")


def test_the_button_asks_and_the_end_is_told(open_page: OpenPage) -> None:
    page = open_page(permissions=["notifications"])
    task = running_task()
    follow(page, task)
    page.get_by_role("button", name="Tell me in this browser").click()
    expect(page.get_by_role("button", name="Do not tell me in this browser")).to_be_visible()
    assert page.evaluate("told") == []
    end(task)
    expect(page.locator("[data-task-status=completed]")).to_be_visible()
    words = "Completed · 5 of 5 experiments succeeded"
    assert page.evaluate("told") == [[f"{task.name}: completed", words]]


def test_it_is_remembered_and_can_be_taken_back(open_page: OpenPage) -> None:
    page = open_page(permissions=["notifications"])
    task = running_task()
    follow(page, task)
    page.get_by_role("button", name="Tell me in this browser").click()
    page.reload()
    page.locator(".bell summary").click()
    page.get_by_role("button", name="Do not tell me in this browser").click()
    end(task)
    expect(page.locator("[data-task-status=completed]")).to_be_visible()
    assert page.evaluate("told") == []


def test_a_browser_that_forbids_it_is_offered_nothing(open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(Notification, 'permission', {value: 'denied'})")
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    page.locator(".bell summary").click()
    expect(page.get_by_role("button", name="Follow this task")).to_be_visible()
    expect(page.locator("#notify-here")).to_be_hidden()


def test_the_bell_works_without_a_script(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    page.locator(".bell summary").click()
    page.get_by_role("button", name="Mute this task").click()
    page.locator(".bell summary").click()
    expect(page.get_by_role("button", name="As my channels say")).to_be_visible()
    expect(page.locator("#notify-here")).to_be_hidden()
