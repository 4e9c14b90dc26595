"""The live page costs little, says what happens, and keeps out of its reader's way."""

import os
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from experiments_app import consumer, task_log
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.factories import begin, make_experiment, running_task


@pytest.fixture(autouse=True)
def _consumer_lives() -> Iterator[None]:
    with consumer.beating():
        yield


def answers_to(page: Page) -> list[int]:
    """The statuses of what the page gets as it follows."""
    statuses: list[int] = []
    page.on(
        "response",
        lambda response: (
            statuses.append(response.status) if "hx-request" in response.request.headers else None
        ),
    )
    return statuses


def report(task: Task, **progress: object) -> None:
    current = Experiment.objects.active().get(task=task)
    current.write("factory", progress=current.progress | progress)


def test_it_gets_no_answer_twice(page: Page) -> None:
    task = running_task()
    statuses = answers_to(page)
    page.goto(f"/tasks/{task.pk}/")
    deadline = time.monotonic() + 45
    while 304 not in statuses and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    assert 304 in statuses
    report(task, requests=22)
    expect(page.locator("#now")).to_contain_text("22 of 24 requests")


def test_it_changes_the_line_of_what_happens_and_nothing_else(page: Page) -> None:
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    page.evaluate("""
        window.changed = new Set();
        new MutationObserver((records) => {
            for (const {target} of records) {
                const element = target.closest ? target : target.parentElement;
                if (!element?.closest("#now")) changed.add(element?.outerHTML);
            }
        }).observe(document.getElementById("live"),
                   {subtree: true, childList: true, characterData: true});
    """)
    for requests in (16, 20):
        report(task, requests=requests)
        expect(page.locator("#now")).to_contain_text(f"{requests} of 24 requests")
    assert page.evaluate("[...changed]") == []


def test_it_shows_the_steps_as_they_pass(page: Page) -> None:
    task = running_task()
    passed = {"preparing": 0.4, "checking_model": 0.6, "starting": 4.0, "warming_up": 7.0}
    report(task, passed=passed, since=time.time() - 65)
    page.goto(f"/tasks/{task.pk}/")
    steps = page.get_by_role("list", name="Steps of the experiment")
    expect(steps.locator("[aria-current=step]")).to_contain_text("Measure level 1 of 1 1 min 0")
    expect(steps).to_contain_text("Warm-up 7 s")
    report(task, phase="stopping", passed=passed | {"measuring": 66.0}, since=time.time())
    expect(steps.locator("[aria-current=step]")).to_contain_text("Stop")
    expect(steps).to_contain_text("1 min 06 s")


def test_it_says_when_nobody_works_and_ceases_to(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    notice = page.get_by_text("The consumer is not running")
    expect(notice).to_have_count(0)
    Experiment.objects.update(lease_expires_at=None, completed_at=None)
    with monkeypatch.context() as patch:
        patch.setattr(consumer, "_beat", lambda: os.utime(settings.HOME.consumer_beat, (0, 0)))
        expect(notice).to_be_visible()
    expect(notice).to_have_count(0)


def lines_of(task: Task, *numbers: int) -> None:
    for number in numbers:
        task_log.write(task.pk, f"line {number} is {'even' if number % 2 == 0 else 'odd'}", run=1)


def test_it_searches_what_is_shown_and_goes_from_one_to_the_next(page: Page) -> None:
    task = running_task()
    lines_of(task, *range(60))
    page.goto(f"/tasks/{task.pk}/")
    log, field = page.locator("#task-log pre"), page.get_by_label("Search in the log")
    count = page.locator("[data-log-count]")
    field.fill("EVEN")
    expect(count).to_have_text("30 of 30")
    field.press("Enter")
    expect(count).to_have_text("1 of 30")
    assert log.evaluate("e => e.scrollTop") < 50
    page.get_by_role("button", name="Previous match").click()
    expect(count).to_have_text("30 of 30")
    assert page.evaluate("CSS.highlights.get('log-hits').size") == 30
    lines_of(task, 60)
    expect(count).to_have_text("30 of 31")
    assert field.evaluate("e => document.activeElement !== document.body")
    field.fill("nowhere")
    expect(count).to_have_text("not found")


def test_it_pauses_the_log_and_goes_on(page: Page) -> None:
    task = running_task()
    lines_of(task, 1)
    page.goto(f"/tasks/{task.pk}/")
    statuses = answers_to(page)
    pause = page.locator("[data-log-pause]")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    lines_of(task, 2)
    report(task, requests=21)
    expect(page.locator("#now")).to_contain_text("21 of 24 requests")
    assert 200 in statuses
    expect(page.locator("#task-log pre")).not_to_contain_text("line 2")
    pause.click()
    expect(page.locator("#task-log pre")).to_contain_text("line 2")


def test_it_clears_the_log_when_asked_and_follows_what_comes(page: Page) -> None:
    task = running_task()
    lines_of(task, *range(20))
    page.goto(f"/tasks/{task.pk}/")
    other = page.context.new_page()
    other.goto(f"/tasks/{task.pk}/")
    page.locator("#task-log").get_by_role("link", name="Clear").click()
    page.get_by_role("button", name="Clear the log").click()
    expect(page.get_by_text("The log is cleared.")).to_be_visible()
    expect(page.locator("#task-log pre")).not_to_contain_text("line 3")
    expect(other.locator("#task-log pre")).to_contain_text("was cleared by ada")
    expect(other.locator("#task-log pre")).not_to_contain_text("line 3")
    lines_of(task, 99)
    expect(other.locator("#task-log pre")).to_contain_text("line 99")


def test_it_searches_the_whole_log_without_a_script(open_page: OpenPage) -> None:
    task = running_task()
    lines_of(task, *range(5))
    page = open_page(java_script_enabled=False)
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_label("Search in the log").fill("odd")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("mark")).to_have_count(2)
    expect(page.locator("main")).to_contain_text("2 lines of 5")


def test_nothing_moves_between_two_answers_nor_as_an_experiment_ends(page: Page) -> None:
    task = running_task()
    page.set_viewport_size({"width": 1280, "height": 2400})
    page.add_init_script("""
        window.shift = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({type: "layout-shift", buffered: true});
    """)
    page.goto(f"/tasks/{task.pk}/")
    page.wait_for_load_state("networkidle")
    page.evaluate("window.shift = 0")
    lines_of(task, *range(40))
    report(task, requests=20)
    expect(page.locator("#now")).to_contain_text("20 of 24 requests")
    Experiment.objects.active().get(task=task).succeed("factory", score=99.0, slo_excess=None)
    begin(make_experiment(task, 5), {"phase": "starting"})
    expect(page.locator("#experiment-5")).to_contain_text("starting")
    assert page.evaluate("window.shift") < 0.01
