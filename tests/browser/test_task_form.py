"""The task form as it is filled in: live with a script, whole without one."""

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tasks_app.models import Task
from tests.browser.conftest import OpenPage
from tests.factories import make_task

WITH_AND_WITHOUT = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
MODEL = "meta-llama/Llama-3.2-1B-Instruct"
MOST_INTERACTIONS = 25
MOST_SECONDS = 120


class Person:
    """Counts what a person does on a page: clicks, fields filled in, choices."""

    def __init__(self) -> None:
        self.interactions = 0

    def click(self, what: Locator) -> None:
        self.interactions += 1
        what.click()

    def fill(self, what: Locator, text: str) -> None:
        self.interactions += 1
        what.fill(text)


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True)


def row_of(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name="Flag to try").nth(number)


@WITH_AND_WITHOUT
def test_a_person_saves_an_sglang_task_in_few_steps(open_page: OpenPage, scripts: bool) -> None:
    page, person = open_page(java_script_enabled=scripts), Person()
    begun = time.monotonic()
    page.goto("/")
    person.click(page.get_by_role("link", name="New task").first)
    person.click(field(page, "SGLang"))
    person.click(field(page, "In a container"))
    person.fill(field(page, "Model"), MODEL)
    if not scripts:
        person.fill(field(page, "Name"), "my first")
        person.click(page.get_by_role("button", name="Check").last)
    person.click(page.get_by_role("button", name="Quick look"))
    expect(row_of(page, 2)).to_be_visible()
    person.click(page.get_by_role("button", name="+ Chat"))
    person.click(page.get_by_role("button", name="Save", exact=True))
    expect(page.locator("main")).to_contain_text("is saved.")
    assert person.interactions < MOST_INTERACTIONS
    assert time.monotonic() - begun < MOST_SECONDS
    task = Task.objects.get()
    assert (task.base_runtime, task.deployment_mode) == ("sglang", "docker")
    assert task.model == {"id_or_path": MODEL}
    assert task.benchmark["model_name"] is None
    assert len(task.parameters) == 3


def test_names_follow_the_model_until_they_are_typed_by_hand(page: Page) -> None:
    page.goto("/tasks/new")
    field(page, "Model").fill("org/first-1B")
    expect(field(page, "Model name")).to_have_value("first-1B")
    expect(field(page, "Tokenizer")).to_have_value("org/first-1B")
    expect(field(page, "Name")).to_have_value("first-1B on llamacpp")
    field(page, "Model name").fill("by-hand")
    field(page, "Model").fill("org/second-2B")
    expect(field(page, "Model name")).to_have_value("by-hand")
    expect(field(page, "Tokenizer")).to_have_value("org/second-2B")
    page.get_by_role("button", name="Reset Model name to default").click()
    expect(field(page, "Model name")).to_have_value("second-2B")


def test_the_summary_follows_what_is_typed(page: Page) -> None:
    page.goto("/tasks/new")
    summary = page.locator("#task-summary")
    field(page, "Model").fill("smollm2-135m")
    page.get_by_role("button", name="Add a flag").click()
    row_of(page, 0).get_by_label("Flag", exact=True).fill("threads")
    row_of(page, 0).get_by_label("Values", exact=True).fill("1, 2, 4")
    expect(summary).to_contain_text(re.compile(r"Configurations\s*3"))
    expect(summary).to_contain_text("--threads")
    expect(summary).to_contain_text("Ready to save")
    expect(row_of(page, 0)).to_contain_text("whole number")
    field(page, "Requests per level").fill("many")
    expect(summary).to_contain_text("1 field still needs a look")
    field(page, "Seed").focus()
    expect(page.locator(".field-error")).to_have_text(re.compile("must be a whole number"))
    expect(field(page, "Requests per level")).to_have_attribute("aria-invalid", "true")
    assert not Task.objects.exists()


def test_values_can_be_clicked_together(page: Page) -> None:
    page.goto("/tasks/new")
    page.get_by_role("button", name="Add a flag").click()
    row = row_of(page, 0)
    row.get_by_label("Flag", exact=True).fill("flash-attn")
    row.get_by_role("button", name="on", exact=True).click()
    row.get_by_role("button", name="off", exact=True).click()
    expect(row.get_by_label("Values", exact=True)).to_have_value("on, off")
    row.get_by_role("button", name="on", exact=True).click()
    expect(row.get_by_label("Values", exact=True)).to_have_value("off")


def test_a_slip_in_a_flag_s_name_is_mended_by_one_click(page: Page) -> None:
    page.goto("/tasks/new")
    page.get_by_role("button", name="Add a flag").click()
    row = row_of(page, 0)
    row.get_by_label("Flag", exact=True).fill("treads")
    row.get_by_role("button", name="Take it").click()
    expect(row.get_by_label("Flag", exact=True)).to_have_value("threads")
    expect(row).to_contain_text("whole number")


@WITH_AND_WITHOUT
def test_rows_are_added_removed_and_kept(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    page.goto("/tasks/new")
    for name, values in (("threads", "1, 2"), ("parallel", "4")):
        count = page.get_by_role("group", name="Flag to try").count()
        page.get_by_role("button", name="Add a flag").click()
        row = row_of(page, count)
        row.get_by_label("Flag", exact=True).fill(name)
        row.get_by_label("Values", exact=True).fill(values)
    row_of(page, 0).get_by_role("button", name="Remove this flag").click()
    expect(page.get_by_role("group", name="Flag to try")).to_have_count(1)
    expect(row_of(page, 0).get_by_label("Flag", exact=True)).to_have_value("parallel")
    expect(row_of(page, 0).get_by_label("Values", exact=True)).to_have_value("4")


@WITH_AND_WITHOUT
def test_a_range_has_fields_of_its_own(open_page: OpenPage, scripts: bool) -> None:
    task = make_task()
    page = open_page(java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/edit")
    row = row_of(page, 0)
    row.get_by_label("Kind of values").select_option("log")
    expect(row.get_by_label("Values", exact=True)).to_be_hidden()
    expect(row.get_by_label("Step")).to_be_hidden()
    row.get_by_label("Lowest").fill("1")
    row.get_by_label("Highest").fill("8")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("The task is saved.")
    task.refresh_from_db()
    assert task.parameters["threads"] == {"low": 1, "high": 8, "log": True}


@WITH_AND_WITHOUT
def test_a_preset_takes_nothing_away_unasked(open_page: OpenPage, scripts: bool) -> None:
    task = make_task(
        base_runtime="sglang",
        deployment_mode="docker",
        model={"id_or_path": MODEL},
        parameters={"chunked-prefill-size": [4096]},
    )
    page = open_page(java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/edit")
    page.get_by_label("Description").fill("typed before")
    page.get_by_role("button", name="Quick look").click()
    expect(page.locator(".offer")).to_contain_text("chunked-prefill-size")
    expect(row_of(page, 0).get_by_label("Values", exact=True)).to_have_value("4096")
    page.get_by_label("Take the preset's").check()
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(row_of(page, 0).get_by_label("Values", exact=True)).to_have_value("2048, 8192")
    expect(page.get_by_label("Description")).to_have_value("typed before")
    expect(page.get_by_role("group", name="Flag to try")).to_have_count(3)


def test_enter_in_a_field_saves_nothing(page: Page) -> None:
    page.goto("/tasks/new")
    field(page, "Model").fill("smollm2-135m")
    field(page, "Model").press("Enter")
    expect(page.locator("h1")).to_have_text("New task")
    expect(field(page, "Model")).to_have_value("smollm2-135m")
    assert not Task.objects.exists()


def test_an_older_answer_never_replaces_a_newer_one(page: Page) -> None:
    page.goto("/tasks/new")
    held: list[object] = []

    def hold_the_first(route: object) -> None:
        if not held:
            held.append(route)
            page.wait_for_timeout(900)
        route.continue_()  # type: ignore[attr-defined]

    page.route("**/tasks/check", hold_the_first)
    seed = field(page, "Seed")
    seed.fill("x")
    page.wait_for_timeout(450)
    seed.fill("7")
    expect(page.locator("#task-summary")).to_contain_text("3 fields still need a look")
    page.wait_for_timeout(1200)
    expect(page.locator("#task-summary")).to_contain_text("3 fields still need a look")


@WITH_AND_WITHOUT
def test_errors_lead_to_their_fields(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts, expected="422")
    page.goto("/tasks/new")
    page.get_by_role("button", name="Save", exact=True).click()
    listed = page.locator("#form-errors")
    expect(listed).to_contain_text("3 fields need a look")
    expect(field(page, "Model")).to_be_focused()
    listed.get_by_role("link", name="Name").click()
    expect(field(page, "Name")).to_be_in_viewport()
