"""The live page follows its task by itself, disturbs nobody, and stops when the task has ended."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from experiments_app import task_log
from experiments_app.models import Experiment
from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.factories import begin, make_experiment, make_task, running_task, succeed

POLL_S = 2.0


def polls_of(page: Page, task: Task) -> list[str]:
    """The requests for the live part, as they are made; charts come by requests of their own."""
    polls: list[str] = []
    part = f"/tasks/{task.pk}/?seen="
    page.on("request", lambda request: polls.append(request.url) if part in request.url else None)
    return polls


def wait_for(condition: Callable[[], bool], page: Page, timeout_s: float = 45) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(100)


def finish_current(task: Task, score: float) -> None:
    current = task.experiments.get(status="benchmarking")
    current.succeed("factory", score=score, slo_excess=None, start_s=1.0, measure_s=20.0)


def test_it_shows_what_happens_without_a_reload(page: Page) -> None:
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    page.evaluate("window.notReloaded = true")
    expect(page.locator("#live")).to_contain_text("15 of 24 requests")
    current = task.experiments.get(number=4)
    current.write("factory", progress=current.progress | {"requests": 20})
    expect(page.locator("#live")).to_contain_text("20 of 24 requests")
    finish_current(task, 99.5)
    begin(make_experiment(task, 5), {"phase": "starting"})
    expect(page.locator(".verdict")).to_have_text("+62.6%")
    expect(page.locator("#experiment-4")).to_have_class("is-best")
    expect(page.locator("#experiment-5")).to_contain_text("starting")
    expect(page.locator(".chart-wide")).to_contain_text("★ Best: Experiment 4")
    assert page.title().endswith(f"% · {task.name} · Autotuner")
    assert page.evaluate("window.notReloaded")


def test_it_stops_asking_when_the_task_has_ended(page: Page) -> None:
    task = running_task()
    polls = polls_of(page, task)
    page.goto(f"/tasks/{task.pk}/")
    wait_for(lambda: len(polls) >= 2, page)
    finish_current(task, 99.5)
    task.complete("5 of 5 experiments succeeded")
    expect(page.get_by_role("button", name="Restart")).to_be_visible(timeout=30_000)
    asked = len(polls)
    page.wait_for_timeout(int(2.5 * POLL_S * 1000))
    assert len(polls) == asked


def test_it_never_asks_about_a_task_at_rest(page: Page) -> None:
    task = make_task()
    polls = polls_of(page, task)
    page.goto(f"/tasks/{task.pk}/")
    page.wait_for_timeout(int(1.5 * POLL_S * 1000))
    assert polls == []


def test_it_keeps_focus_selection_scroll_and_what_was_opened(page: Page) -> None:
    task = running_task()
    page.set_viewport_size({"width": 1200, "height": 500})
    polls = polls_of(page, task)
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_text("Commands and files").click()
    page.get_by_text("Command", exact=True).click()
    page.locator("#experiment-2 a").focus()
    page.evaluate("window.scrollTo(0, 400)")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#experiment-1 .mono'))")
    selected = page.evaluate("getSelection().toString()")
    before = len(polls)
    current = task.experiments.get(number=4)
    current.write("factory", progress=current.progress | {"requests": 21})
    expect(page.locator("#live")).to_contain_text("21 of 24 requests")
    wait_for(lambda: len(polls) >= before + 2, page)
    assert page.evaluate("document.activeElement.closest('tr')?.id") == "experiment-2"
    assert page.evaluate("window.scrollY") == 400
    assert page.evaluate("getSelection().toString()") == selected != ""
    expect(page.locator("#best-command")).to_be_visible()


def test_it_moves_nothing_as_results_come_in(page: Page) -> None:
    task = make_task()
    task.start()
    begin(make_experiment(task, 0), {"phase": "starting"})
    page.set_viewport_size({"width": 1440, "height": 1600})
    page.add_init_script("""
        window.shifts = [];
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
                const names = entry.sources.map((s) => s.node?.id || s.node?.className || "");
                shifts.push([entry.value, ...names]);
            }
        }).observe({type: "layout-shift", buffered: true});
    """)
    page.goto(f"/tasks/{task.pk}/")
    page.wait_for_load_state("networkidle")
    page.evaluate("shifts.length = 0")
    boxes = "['.overview', '#experiments-heading', '#task-log'].map((s) => \
        Math.round(document.querySelector(s).getBoundingClientRect().top))"
    before = page.evaluate(boxes)
    for number, score in enumerate((60.0, 90.0, 75.0)):
        experiment = task.experiments.get(number=number)
        experiment.succeed("factory", score=score, slo_excess=None, start_s=1.0, measure_s=20.0)
        progress = {"phase": "measuring", "scenario": "D(100,50)", "concurrency": 8}
        begin(make_experiment(task, number + 1), progress)
        expect(page.locator(f"#experiment-{number + 1}")).to_contain_text("measuring")
    assert page.evaluate(boxes) == before
    assert page.evaluate("shifts.reduce((sum, [value]) => sum + value, 0)") < 0.005, page.evaluate(
        "shifts"
    )


def test_it_follows_the_log_and_asks_for_new_lines_only(page: Page) -> None:
    task = running_task()
    task_log.write(task.pk, "the first line", run=1)
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/log?" in request.url else None
    )
    page.goto(f"/tasks/{task.pk}/")
    log = page.locator("#task-log pre")
    expect(log).to_contain_text("the first line")
    page.wait_for_timeout(int(1.3 * POLL_S * 1000))
    assert asked == []  # nothing was added, so nothing is asked for
    for number in range(40):
        task_log.write(task.pk, f"<b>line {number}</b>", run=1)
    expect(log).to_contain_text("<b>line 39</b>")
    assert log.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight") < 5
    log.evaluate("e => { e.scrollTop = 0 }")
    task_log.write(task.pk, "the last line", run=1)
    expect(log).to_contain_text("the last line")
    assert log.evaluate("e => e.scrollTop") == 0
    assert (log.text_content() or "").count("line 39") == 1


def test_it_survives_a_server_that_fails_for_a_while(open_page: OpenPage) -> None:
    task = running_task()
    page = open_page(expected="Failed to load resource")
    page.goto(f"/tasks/{task.pk}/")
    polls = re.compile(r"/tasks/\d+/\?seen=")
    page.route(polls, lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    expect(page.locator("#connection-lost")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Bad gateway")
    page.unroute(polls)
    current = task.experiments.get(number=4)
    current.write("factory", progress=current.progress | {"requests": 23})
    expect(page.locator("#live")).to_contain_text("23 of 24 requests")
    expect(page.locator("#connection-lost")).to_be_hidden()


def test_it_shows_the_sign_in_when_the_session_is_over(page: Page) -> None:
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    page.context.clear_cookies()
    expect(page).to_have_url(re.compile(r"/sign-in/\?next=/tasks/"))


def test_it_says_that_a_task_was_deleted_under_the_page(open_page: OpenPage) -> None:
    task = running_task()
    page = open_page(expected="404")
    page.goto(f"/tasks/{task.pk}/")
    task.delete()
    expect(page.locator("h1")).to_have_text("There is nothing here")


def test_it_follows_one_experiment(page: Page) -> None:
    task = running_task()
    experiment = task.experiments.get(number=4)
    page.goto(f"/experiments/{experiment.pk}/")
    expect(page.locator("#live")).to_contain_text("Measuring D(100,50)")
    finish_current(task, 88.0)
    expect(page.locator("#live")).to_contain_text("88.00 tokens/s")
    assert Experiment.objects.active().count() == 0


def test_it_draws_a_chart_that_leads_to_the_experiment(page: Page) -> None:
    task = running_task()
    succeed(make_experiment(task, 5), 120.0)
    page.goto(f"/tasks/{task.pk}/")
    page.locator(".chart-wide a[href$='/']").nth(1).click()
    expect(page.locator("h1")).to_have_text("Experiment 1")
