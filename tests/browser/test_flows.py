"""What people do, by mouse and keyboard, with and without JavaScript."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from autotuner_site.first_admin import create_first_admin, sign_in_path
from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.factories import completed_task, make_task, running_task

WITH_AND_WITHOUT = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])


def add_flag(page: Page, name: str, values: str) -> None:
    rows = page.get_by_role("group", name="Flag to try")
    count = rows.count()
    page.get_by_role("button", name="Add a flag").click()
    row = rows.nth(count)
    row.get_by_label("Flag", exact=True).fill(name)
    row.get_by_label("Values", exact=True).fill(values)


def fill_in(page: Page, name: str = "mine") -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Model", exact=True).fill("smollm2-135m")
    add_flag(page, "threads", "1, 2")
    add_flag(page, "parallel", "1, 4")
    page.get_by_label("Traffic scenarios").fill("D(100,50), D(200,100)")


@WITH_AND_WITHOUT
def test_it_signs_in_and_out(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(signed_in=False, java_script_enabled=scripts)
    page.goto("/tasks/new")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("not a secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("New task")
    page.locator("header details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")


def test_it_signs_in_by_the_link_of_the_terminal(open_page: OpenPage) -> None:
    User.objects.all().delete()
    admin = create_first_admin()
    assert admin is not None
    page = open_page(signed_in=False, expected="410")
    link = sign_in_path(admin)
    page.goto(link)
    expect(page.locator("h1")).to_have_text("Find the flags that serve your model best")
    page.context.clear_cookies()
    page.goto(link)
    expect(page.locator("h1")).to_have_text("This link no longer works")


@WITH_AND_WITHOUT
def test_it_starts_the_builtin_task_from_the_empty_list(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_role("button", name="Tune the built-in model").click()
    expect(page.locator("#live")).to_contain_text("Waiting for a worker")
    assert Task.objects.get().status == Task.Status.RUNNING


@WITH_AND_WITHOUT
def test_it_creates_edits_starts_cancels_and_deletes(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_role("link", name="New task").first.click()
    fill_in(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("h1")).to_have_text("mine")
    expect(page.locator("main")).to_contain_text("the baseline and 4 experiments are planned")

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Description").fill("a better one")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("The task is saved.")

    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main")).to_contain_text("The task is cancelled.")
    page.locator("summary", has_text="More actions").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("main")).to_contain_text("is deleted")
    assert not Task.objects.exists()


@WITH_AND_WITHOUT
def test_it_keeps_what_was_typed_beside_the_error(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts, expected="422")
    page.goto("/tasks/new")
    fill_in(page, "<script>alert(1)</script>")
    flag = page.get_by_label("Flag", exact=True).first
    flag.fill("treads")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".field-error")).to_contain_text("did you mean 'threads'?")
    expect(flag).to_have_value("treads")
    expect(flag).to_be_focused()
    expect(page.get_by_label("Name", exact=True)).to_have_value("<script>alert(1)</script>")


@WITH_AND_WITHOUT
def test_it_shows_both_when_two_edit(open_page: OpenPage, scripts: bool) -> None:
    task = make_task()
    page = open_page(java_script_enabled=scripts, expected="409")
    page.goto(f"/tasks/{task.pk}/edit")
    task.replace_spec(task.spec.model_copy(update={"description": "theirs"}), version=1)
    page.get_by_label("Description").fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".diff")).to_contain_text("- description: theirs")
    expect(page.locator(".diff")).to_contain_text("+ description: mine")
    page.get_by_role("button", name="Save mine over it").click()
    expect(page.locator("main")).to_contain_text("The task is saved.")
    task.refresh_from_db()
    assert task.description == "mine"


@WITH_AND_WITHOUT
def test_it_edits_the_same_task_as_yaml(open_page: OpenPage, scripts: bool) -> None:
    task = make_task(slo={"ttft_p99_s": 0.5})
    page = open_page(java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/edit")
    page.get_by_label("Description").fill("not saved yet")
    page.get_by_role("button", name="YAML").click()
    text = page.get_by_label("Task file")
    expect(text).to_have_value(re.compile("description: not saved yet"))
    text.fill(text.input_value().replace("ttft_p99_s: 0.5", "ttft_p99_s: 0.75"))
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_label("At most, in seconds")).to_have_value("0.75")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("The task is saved.")
    task.refresh_from_db()
    assert (task.description, task.slo) == ("not saved yet", {"ttft_p99_s": 0.75})


def test_it_sends_an_edit_as_put(page: Page) -> None:
    task = make_task()
    methods: list[str] = []
    page.on("request", lambda r: methods.append(r.method) if r.url.endswith("/edit") else None)
    page.goto(f"/tasks/{task.pk}/edit")
    page.get_by_label("Seed").fill("7")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("The task is saved.")
    assert methods == ["GET", "PUT"]


@pytest.mark.parametrize("click", [lambda button: button.dblclick(), lambda button: button.click()])
def test_it_restarts_once_by_one_click_or_two(page: Page, click: Callable[[object], None]) -> None:
    task = completed_task((50.0, 60.0))
    page.goto(f"/tasks/{task.pk}/")
    click(page.get_by_role("button", name="Restart"))
    expect(page.locator("#live")).to_contain_text("Waiting for a worker")
    task.refresh_from_db()
    assert (task.run, task.status) == (2, Task.Status.RUNNING)


def test_it_cancels_from_a_page_that_follows(page: Page) -> None:
    task = running_task()
    page.goto(f"/tasks/{task.pk}/")
    page.wait_for_timeout(2500)  # the button has been rendered anew
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main")).to_contain_text("The task is cancelled.")


def test_it_copies_the_flags(open_page: OpenPage) -> None:
    task = completed_task()
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_role("button", name="Copy flags").click()
    expect(page.locator("#announcements")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "--threads 2 --parallel 4 --ubatch-size 512"


def test_it_copies_where_the_browser_has_no_clipboard(open_page: OpenPage) -> None:
    task = completed_task()
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_role("button", name="Copy flags").click()
    expect(page.locator("#announcements")).to_have_text("Copied")


def test_it_remembers_the_theme(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    page.goto("/")
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == "light"
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(theme) == "dark"
    page.reload()
    assert page.evaluate(theme) == "dark"


def test_it_works_from_the_keyboard(page: Page) -> None:
    task = completed_task((50.0, 60.0))
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_role("button", name="Restart").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_contain_text("Waiting for a worker")
    page.locator("header details.menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
