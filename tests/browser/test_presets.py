"""Presets as people use them, with and without JavaScript."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tasks_app.models import Preset, Task
from tests.browser.conftest import OpenPage
from tests.factories import make_task

WITH_AND_WITHOUT = pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


@WITH_AND_WITHOUT
def test_it_takes_flags_from_one_task_to_another(open_page: OpenPage, scripts: bool) -> None:
    source = make_task(parameters={"threads": [1, 2], "parallel": [1, 8]})
    target = make_task(parameters={"parallel": [4]}, fixed_parameters={"threads": 2})
    page = open_page(java_script_enabled=scripts)

    page.goto(f"/tasks/{source.pk}/")
    page.get_by_text("More actions").locator("..").click()
    page.get_by_role("link", name="Save as preset").click()
    page.get_by_label("Name", exact=True).fill("night shift")
    page.get_by_label("Why").fill("threads: two cores: no more\nparallel: few users")
    save(page)
    expect(page.locator("h1")).to_have_text("night shift")
    expect(page.locator("main")).to_contain_text("two cores: no more")

    page.get_by_role("link", name="Merge into a task").click()
    page.get_by_role("link", name=target.name).click()
    expect(page.locator("main")).to_contain_text("disagree on 2 flags")
    threads = page.get_by_role("group", name="threads")
    threads.get_by_label("Keep the task's").check()
    page.get_by_role("button", name="Merge and save").click()
    expect(page.locator("h1")).to_contain_text(target.name)
    expect(page.locator("main")).to_contain_text("1 changed, 1 left as the task had them")
    target.refresh_from_db()
    assert target.parameters == {"parallel": [1, 8]}
    assert target.fixed_parameters == {"threads": 2}
    assert target.version == 2


@WITH_AND_WITHOUT
def test_it_starts_a_task_from_a_shipped_preset(open_page: OpenPage, scripts: bool) -> None:
    page = open_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_role("link", name="Presets").click()
    page.get_by_role("link", name="llamacpp", exact=True).click()
    page.get_by_role("link", name="quick look", exact=True).click()
    page.get_by_role("link", name="Use in a new task").click()
    page.get_by_label("Name", exact=True).fill("first impression")
    page.get_by_label("Model", exact=True).fill("smollm2-135m")
    save(page)
    expect(page.locator("h1")).to_contain_text("first impression")
    assert Task.objects.get().parameters == {
        "parallel": [1, 4, 8], "ubatch-size": [128, 512], "flash-attn": ["on", "off"],
    }  # fmt: skip


@WITH_AND_WITHOUT
def test_it_exports_changes_deletes_and_imports(
    open_page: OpenPage, scripts: bool, tmp_path: Path
) -> None:
    page = open_page(java_script_enabled=scripts, expected="Failed to load resource")
    page.goto("/presets/shipped:llamacpp:latency/")
    page.get_by_role("link", name="Duplicate").click()
    save(page)
    expect(page.locator("h1")).to_have_text("latency (2)")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    file = tmp_path / "preset.yaml"
    download.value.save_as(file)

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Search space").fill("treads: [1]")
    save(page)
    expect(page.locator("main")).to_contain_text("did you mean 'threads'?")
    page.get_by_label("Search space").fill("threads: [1]")
    page.get_by_label("Why").fill("")
    save(page)
    expect(page.locator("main")).to_contain_text("The preset is saved.")

    page.goto("/presets/import")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("main")).to_contain_text("'latency (3)' is free")
    page.get_by_label("Where a name is taken").select_option("Import it under a free name")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("h1")).to_have_text("latency (3)")

    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("h1")).to_have_text("Presets")
    assert [preset.name for preset in Preset.objects.all()] == ["latency (2)"]
