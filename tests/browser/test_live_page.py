"""The live page costs little, says what happens, and keeps out of its reader's way."""

import os
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from experiments_app import consumer
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests.factories import running_task


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
    deadline = time.monotonic() + 15
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
