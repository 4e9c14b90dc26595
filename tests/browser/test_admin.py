"""The admin in a browser: it obeys the site's content security policy and keeps its theme."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.factories import running_task

WITH_AND_WITHOUT = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])


def expect_theme(page: Page, theme: str) -> None:
    """Waits for it, and not by a script: that would be `eval`, which the pages forbid."""
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)


@WITH_AND_WITHOUT
def test_it_cancels_a_task_and_leads_to_its_page(open_page: OpenPage, scripts: bool) -> None:
    task = running_task()
    page = open_page(java_script_enabled=scripts)
    page.goto("/presets/")
    page.locator("header details.menu summary").click()
    page.get_by_role("link", name="Admin").click()
    page.get_by_role("link", name="Tasks", exact=True).last.click()
    page.locator(f'input[name="_selected_action"][value="{task.pk}"]').check()
    page.get_by_label("Action:").select_option("Cancel")
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".messagelist")).to_contain_text("1 task cancelled.")
    page.get_by_role("link", name="page", exact=True).click()
    expect(page.locator("h1")).to_have_text(task.name)
    expect(page.locator("main")).to_contain_text("Cancelled")


def test_it_shares_the_theme_with_the_site(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    page.goto("/admin/")
    expect_theme(page, "dark")
    page.get_by_role("link", name="Back to the site").click()
    expect(page.locator("h1")).to_contain_text("Find the flags")
    expect_theme(page, "dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.goto("/admin/")
    expect_theme(page, "light")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.goto("/presets/")
    expect_theme(page, "dark")
