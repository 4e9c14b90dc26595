"""A newcomer on a real site: its own processes, its consumer, the real llama.cpp engine."""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from experiments_app.final_plan import Candidate, plan
from tasks_app.taskfile import dump_document
from tests.settings import FIRST_PORT
from tests.system.site import Site, free_port
from tests.waiting import wait_for

PORTS = f"{FIRST_PORT + 500}-{FIRST_PORT + 599}"
SMALL_TASK = {
    "task_name": "a first look",
    "deployment_mode": "local",
    "base_runtime": "llamacpp",
    "model": {"id_or_path": "smollm2-135m"},
    "parameters": {"parallel": [1, 4]},
    "fixed_parameters": {"ctx-size": 1024},
    "optimization": {"strategy": "grid_search", "max_iterations": 2},
    "benchmark": {
        "traffic_scenarios": ["D(16,8)"],
        "num_concurrency": [2],
        "max_requests_per_level": 4,
    },
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "home", PORTS)
    yield site
    site.close()


def serve(site: Site) -> str:
    """Start site and consumer; the sign-in link that they print."""
    process = site.start("serve", "--bind", f"127.0.0.1:{free_port()}")

    def links() -> list[str]:
        assert process.poll() is None, f"the site ended: {site.said.read_text()}"
        return re.findall(r"http\S+/sign-in/\S+(?=\n)", site.said.read_text())

    wait_for(links, timeout_s=120)
    return links()[0]


@pytest.mark.alone
def test_from_the_first_screen_to_the_best_configuration(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(serve(site))
        expect(page.locator("h1")).to_have_text("Find the flags that serve your model best")
        expect(page.locator("#check-machine")).to_contain_text("checks passed")
        _import(page)
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#live")).to_contain_text("measuring", timeout=60_000)
        expect(page.locator(".status-completed").first).to_be_visible(timeout=240_000)
        expect(page.locator("#best-heading")).to_have_text("Best configuration")
        rows = _results(page, tmp_path / "results.csv")
        searched = [row for row in rows if row["repeat"] == "1"]
        assert [(row["number"], row["status"]) for row in searched] == [
            (number, "success") for number in "012"
        ]
        again = [row["number"] for row in rows if row["repeat"] != "1"]
        if _somebody_comes_near(searched):
            assert again.count("0") >= 2, "the final measures the default again"
            assert set(again) - {"0"}, "and a leader"
            _assert_final_kept_its_budget(site)
        else:
            assert not again, "nobody is left to compare the default with"
        assert all(float(row["output_tokens_per_s"]) > 0 for row in rows)
        assert complaints == []
    finally:
        page.close()
    assert not site.rows("SELECT 1 FROM experiments_app_experiment WHERE owner_token <> ''")


def _somebody_comes_near(rows: list[dict[str, str]]) -> bool:
    """Of so few requests chance may put the default far ahead of both."""
    default, *others = (
        Candidate(int(row["number"]), math.log(float(row["output_tokens_per_s"])), 1.0)
        for row in rows
    )
    return plan(default, others, None, budget_s=0.0) is not None


def _assert_final_kept_its_budget(site: Site) -> None:
    """Beyond two rounds of the default and a leader it takes a fifth of what the search took."""
    sums = "sum(start_s + warm_up_s + measure_s + stop_s), count(*), count(DISTINCT number)"
    table = "experiments_app_experiment"
    ((search_s, _, _),) = site.rows(f"SELECT {sums} FROM {table} WHERE purpose = 'search'")
    ((final_s, times, of),) = site.rows(f"SELECT {sums} FROM {table} WHERE purpose = 'final'")
    assert final_s <= 0.2 * search_s or (times, of) == (4, 2)


def _import(page: Page) -> None:
    page.get_by_role("link", name="Import a file").click()
    page.get_by_label("Or paste the text").fill(dump_document(SMALL_TASK))
    page.get_by_role("button", name="Show what it says").click()
    page.get_by_role("button", name="Import").click()
    expect(page.locator("h1")).to_have_text("a first look")


def _results(page: Page, path: Path) -> list[dict[str, str]]:
    page.locator("#download-menu summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(path)
    with path.open() as file:
        return list(csv.DictReader(file))
