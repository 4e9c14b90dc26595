"""The report of a run as a reader has it: a file, opened from disk, without any network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from experiments_app.html_report.page import report_html
from tests import finals
from tests.browser.conftest import TELL_BREACHES, OpenPage
from tests.browser.test_accessibility import AXE, NARROW, PHONE_RULES, WIDE, violations
from tests.chart_factories import run_of


@pytest.fixture
def offline(chromium: Browser, transactional_db: None) -> Iterator[Page]:
    """At its end the page must have asked for nothing but files, and complained of nothing."""
    context = chromium.new_context(offline=True, viewport=WIDE)
    context.add_init_script(TELL_BREACHES)
    page = context.new_page()
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(f"script error: {error}"))
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: told.append(request.url))
    yield page
    context.close()
    assert [one for one in told if not one.startswith("file:///")] == []


def opened(page: Page, task: Any, folder: Path) -> None:
    file = folder / "report.html"
    file.write_text(report_html(task))
    page.goto(file.as_uri())


def problems(page: Page, theme: Any, rules: str) -> list[str]:
    page.emulate_media(color_scheme=theme)
    return [f"{theme}: {found}" for found in violations(page.evaluate(f"axe.run({rules})"))]


@pytest.mark.parametrize("make", [finals.confirmed_task, run_of])
def test_it_opens_from_disk_in_light_and_dark_wide_and_narrow(
    offline: Page, tmp_path: Path, make: Any
) -> None:
    opened(offline, make(500, measured=500) if make is run_of else make(), tmp_path)
    offline.evaluate(AXE)
    found = problems(offline, "light", "{resultTypes: ['violations']}")
    found += problems(offline, "dark", "{runOnly: ['color-contrast', 'link-in-text-block']}")
    offline.set_viewport_size(NARROW)
    found += problems(offline, "light", PHONE_RULES)
    assert found == []
    assert offline.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    shown = offline.locator(".chart-narrow svg, .chart-wide svg").filter(visible=True)
    assert shown.count() == offline.locator(".chart-narrow svg").count()
    data = offline.evaluate("JSON.parse(document.getElementById('results').textContent)")
    assert data["verdict"]


def test_its_links_lead_to_its_own_places(offline: Page, tmp_path: Path) -> None:
    opened(offline, finals.confirmed_task(), tmp_path)
    offline.get_by_role("link", name="Raw data").click()
    assert offline.url.endswith("#data")
    offline.locator("#chart-score .chart-wide a").nth(3).click()
    assert offline.url.endswith("#experiment-3")


@pytest.mark.parametrize("make", [finals.confirmed_task, run_of])
def test_on_paper_nothing_is_cut(offline: Page, tmp_path: Path, make: Any) -> None:
    """What is wider than its box on a page of A4, or of A4 on its side."""
    opened(offline, make(30) if make is run_of else make(), tmp_path)
    offline.emulate_media(media="print", color_scheme="dark")
    sizes: tuple[tuple[ViewportSize, str], ...] = (
        ({"width": 703, "height": 1000}, "section:not(.experiments)"),
        ({"width": 1031, "height": 700}, "section.experiments"),
    )
    for size, sections in sizes:
        offline.set_viewport_size(size)
        wide = offline.evaluate(
            """(sections) => [...document.querySelectorAll(sections)].flatMap(
              (section) => [...section.querySelectorAll("table, pre, dl, figure")])
              .filter((one) => one.scrollWidth > one.parentElement.clientWidth + 1)
              .map((one) => one.outerHTML.slice(0, 200))""",
            sections,
        )
        assert wide == []
    ground = offline.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    assert offline.pdf().startswith(b"%PDF")


def test_paper_has_the_files_that_were_opened(offline: Page, tmp_path: Path) -> None:
    """All of them are pages on end, before any chart."""
    opened(offline, finals.confirmed_task(), tmp_path)
    offline.locator("summary", has_text="Compose").click()
    offline.emulate_media(media="print")
    shown = offline.locator(".take h3").filter(visible=True).all_inner_texts()
    assert shown == ["Flags", "Command", "Compose"]
    offline.get_by_text("Folded in the HTML file").wait_for()


def test_the_button_downloads_it(open_page: OpenPage, tmp_path: Path) -> None:
    task = finals.confirmed_task()
    page = open_page()
    page.goto(f"/tasks/{task.pk}/")
    page.locator("#download-menu summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Report, one HTML file").click()
    file = tmp_path / "saved.html"
    download.value.save_as(file)
    assert file.read_text() == report_html(task)
