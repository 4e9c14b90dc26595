"""Tasks in and out of the site as files."""

import csv
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from autotuner_site.roles import Role, give_role
from tasks_app.models import Task
from tasks_app.taskfile import dump_document
from tests.browser.conftest import OpenPage
from tests.factories import completed_task, make_task, running_task, task_data

WITH_AND_WITHOUT = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])


@WITH_AND_WITHOUT
def test_it_imports_a_file_after_a_look_at_it(
    open_page: OpenPage, scripts: bool, tmp_path: Path
) -> None:
    make_task(task_name="mine")
    file = tmp_path / "mine.yaml"
    file.write_text(dump_document(task_data(task_name="mine")))
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_role("link", name="Import").click()
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Show what it says").click()
    expect(page.locator("h1")).to_have_text("Is this the task?")
    expect(page.get_by_label("Name")).to_have_value("mine (2)")
    page.get_by_label("Name").fill("mine, again")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("h1")).to_have_text("mine, again")
    expect(page.locator("main")).to_contain_text("is imported")


@WITH_AND_WITHOUT
def test_a_text_is_mended_where_its_problems_are_shown(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts, expected="422")
    page.goto("/tasks/import")
    text = dump_document(task_data(task_name="mine")).replace("threads:", "treads:")
    page.get_by_label("Or paste the text").fill(text)
    page.get_by_role("button", name="Show what it says").click()
    expect(page.get_by_label("Problems")).to_contain_text("line")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was imported.")
    box = page.get_by_label("Text")
    box.fill(box.input_value().replace("treads:", "threads:"))
    page.get_by_role("button", name="Check again").click()
    expect(page.locator(".status-success")).to_have_text("Ready")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("h1")).to_have_text("mine")


def test_an_import_sent_by_a_double_click_makes_one_task(page: Page) -> None:
    page.goto("/tasks/import")
    page.get_by_label("Or paste the text").fill(dump_document(task_data(task_name="mine")))
    page.get_by_role("button", name="Show what it says").click()
    page.get_by_role("button", name="Import").dblclick()
    expect(page.locator("h1")).to_have_text("mine")
    assert Task.objects.count() == 1


@WITH_AND_WITHOUT
def test_results_and_the_task_are_downloaded(
    open_page: OpenPage, scripts: bool, tmp_path: Path
) -> None:
    task = completed_task((50.0, 60.0), task_name="mine")
    page = open_page(java_script_enabled=scripts)
    page.goto(f"/tasks/{task.pk}/")
    menu = page.locator("#download-menu")
    menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "mine-run-1.csv"
    download.value.save_as(tmp_path / "results.csv")
    with (tmp_path / "results.csv").open() as file:
        assert [row["number"] for row in csv.DictReader(file)] == ["0", "1"]
    if not menu.get_by_role("link", name="YAML").is_visible():
        menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_role("link", name="YAML").click()
    assert download.value.suggested_filename == "mine.yaml"


@pytest.mark.parametrize("role", [None, Role.VIEWER])
def test_each_menu_of_a_task_fits_a_phone(
    open_page: OpenPage, user: User, role: Role | None
) -> None:
    """A viewer has fewer buttons, so that a menu opens further to the left."""
    if role is not None:
        User.objects.filter(pk=user.pk).update(is_superuser=False, is_staff=False)
        give_role(user, role)
    page = open_page(viewport={"width": 390, "height": 844})
    for task in (completed_task((50.0, 60.0)), running_task()):
        page.goto(f"/tasks/{task.pk}/")
        for menu in page.locator(".page-head .actions > details.menu").all():
            menu.locator("summary").click()
            box = menu.locator("> div").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert 0 <= box["y"] <= box["y"] + box["height"] <= 844


def test_too_large_an_upload_is_answered(open_page: OpenPage, tmp_path: Path) -> None:
    file = tmp_path / "huge.db"
    with file.open("wb") as content:
        content.truncate(40 * 1024**2)
    page = open_page(expected="413")
    page.goto("/tasks/import")
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Show what it says").click()
    expect(page.locator("h1")).to_have_text("That is too much at once")
    page.get_by_role("link", name="Open the page anew").click()
    expect(page.locator("h1")).to_have_text("Import tasks")
