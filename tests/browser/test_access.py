"""Sign-in, lock-out, refusals and the content policy, as a browser has them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from autotuner_site.roles import Role, give_role
from tests import factories
from tests.browser.conftest import OpenPage
from tests.browser.test_accessibility import AXE, NARROW, WIDE, paths, violations


def test_no_page_breaks_the_content_policy(open_page: OpenPage) -> None:
    """`open_page` fails the test for every breach that the browser tells of."""
    page = open_page(expected="404")
    for path in [*paths(), "/admin/password_change/"]:
        page.goto(path)


def test_a_breach_of_the_content_policy_would_be_told(open_page: OpenPage) -> None:
    page = open_page(expected="olicy")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto("/help/")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), "
                  "{textContent: 'window.hacked = 1'}))")  # fmt: skip
    expect(page.locator("body > script")).to_have_count(1)
    assert page.evaluate("window.hacked") is None
    assert any("script-src" in text for text in told)


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_somebody_who_guessed_too_often_reads_what_to_do(
    open_page: OpenPage, viewport: dict[str, int]
) -> None:
    page = open_page(signed_in=False, viewport=viewport, expected="429")
    page.goto("/sign-in/")
    for _ in range(5):
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("a guess")
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Too many wrong passwords")).to_be_visible()
    page.evaluate(AXE)
    assert violations(page.evaluate("axe.run()")) == []


def test_a_viewer_is_offered_nothing_to_change_and_told_who_may(
    open_page: OpenPage, user: User
) -> None:
    task = factories.completed_task()
    give_role(user, Role.VIEWER)
    page = open_page(expected="403")
    page.goto(f"/tasks/{task.pk}/")
    expect(page.get_by_text("Download").first).to_be_visible()
    expect(page.get_by_role("button", name="Restart")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
    page.goto(f"/tasks/{task.pk}/edit")
    expect(page.get_by_role("heading", name="This needs the role operator")).to_be_visible()
    page.evaluate(AXE)
    assert violations(page.evaluate("axe.run()")) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
def test_signing_out_on_all_devices_ends_the_other_one_too(
    open_page: OpenPage, user: User, scripts: bool
) -> None:
    other = Client()
    other.force_login(user)
    page = open_page(java_script_enabled=scripts)
    page.goto("/presets/")
    page.locator("header details.menu summary").click()
    page.get_by_role("button", name="End all sessions").click()
    expect(page.get_by_text("You are signed out on all devices.")).to_be_visible()
    assert other.get("/").status_code == 302
