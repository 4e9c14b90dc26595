"""A verification is asked for, followed and told of; what deploys it can be taken along."""

from playwright.sync_api import Page, expect

from experiments_app.models import Experiment
from tests.browser.conftest import OpenPage
from tests.browser.test_accessibility import problems
from tests.experiments_app.test_verification import best_of, end, ended_task


def test_it_is_verified_with_a_click_and_followed_to_its_end(open_page: OpenPage) -> None:
    task = ended_task()
    page: Page = open_page()
    page.goto(f"/tasks/{task.pk}/")
    page.get_by_text("Commands and files").click()
    page.locator("summary", has_text="systemd").or_(
        page.locator("summary", has_text="Kubernetes")
    ).first.click()
    with page.expect_download() as download:
        page.locator(".answer-text[open] a[download]").click()
    assert download.value.suggested_filename.endswith((".yaml", ".service"))

    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("verified")
    expect(page.get_by_role("button", name="Cancel the verification")).to_be_visible()
    end(Experiment.objects.verifications().get(), 129.0)
    expect(page.locator("#live")).to_contain_text("Kept: 129.0 against 130.0 tokens/s")
    expect(page.get_by_role("button", name="Cancel the verification")).to_have_count(0)
    assert problems(page) == []
    page.goto(f"/experiments/{best_of(task).pk}/")
    expect(page.locator(".verify")).to_contain_text("kept: 129.0 against 130.0 tokens/s")
