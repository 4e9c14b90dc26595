"""axe finds nothing on any page, light or dark; no page is wider than the screen."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import FilePayload, Page, ViewportSize, expect

from autotuner_site.roles import Role
from experiments_app import task_log
from experiments_app.models import Delivery, Measurement
from experiments_app.notifications.channels import Confirmation
from experiments_app.results import RunResults
from tasks_app.models import Task
from tests import factories, finals
from tests.browser.conftest import OpenPage
from tests.chart_factories import run_of
from tests.data_sets import make_dataset

AXE = (Path(settings.BASE_DIR) / "tests/vendor/axe-core/axe.min.js").read_text()
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}


def paths() -> list[str]:
    """Every page, in every state that looks different."""
    pending = factories.make_task()
    deployed = factories.make_task(
        container={"cpus": 2.0}, readiness={"timeout_s": 60.0}, access={"hub_token": "hf_12345"}
    )
    running = factories.running_task()
    edited = factories.completed_task((50.0,))
    factories.edit(edited, description="What changed?", slo={"ttft_p99_s": 0.5})
    completed = factories.completed_task(slo={"ttft_p99_s": 5.0})
    wide_space = factories.completed_task(
        (50.0, 60.0), parameters={f: [1, 2] for f in ("threads", "parallel", "ubatch-size",
        "batch-size", "threads-batch", "poll", "ctx-size")}
    )  # fmt: skip
    infeasible, failed = factories.infeasible_task(), factories.failed_task()
    pruned, searched = factories.pruned_task(), factories.searched_task()
    tasks = (pending, running, completed, wide_space, infeasible, failed, pruned, searched)
    for task in tasks:
        task_log.write(task.pk, "started", run=1)
    experiments = (
        factories.with_usage(completed.experiments.get(number=3)),
        factories.with_usage(completed.experiments.get(number=4), ("GPU-1a2b-3c", "GPU-4d5e-6f")),
        failed.experiments.get(number=1),
        pruned.experiments.get(number=3),
        searched.experiments.get(number=1),
    )
    preset = factories.make_preset()
    undone, in_final = finals.confirmed_task("undo"), finals.task_in_final()
    verification = factories.waiting_verification(searched.experiments.get(number=2))
    disturbed = Measurement.objects.filter(experiment__task=undone, counts=True)
    disturbed.update(conditions={"disturbed": True, "disturbed_by": "others", "tries": 3})
    two = run_of(6, optimization={"objectives": ["throughput", "ttft_mean"]})
    ends = [finals.confirmed_task(kind) for kind in finals.ENDS if kind not in {"better", "undo"}]
    hook, mail, token = _channels(completed, failed)
    return [
        "/",
        "/?q=nothing",
        *(f"/tasks/{task.pk}/" for task in (*tasks, factories.cancelled_task())),
        *(f"/tasks/{task.pk}/" for task in (*ends, undone, in_final, two)),
        *(f"/experiments/{undone.experiments.get(number=3, repeat=at).pk}/" for at in (1, 2)),
        f"/experiments/{verification.pk}/",
        f"/compare?run={ends[0].pk}.1&run={undone.pk}.1",
        "/tasks/new",
        "/tasks/new?view=yaml",
        f"/tasks/{completed.pk}/edit",
        f"/tasks/{deployed.pk}/edit",
        f"/tasks/{completed.pk}/delete",
        f"/tasks/{edited.pk}/details",
        f"/tasks/{edited.pk}/history",
        f"/tasks/{edited.pk}/history/1",
        f"/tasks/{completed.pk}/compare?experiment=0&experiment=3&experiment=10",
        f"/tasks/{completed.pk}/log?q=started",
        f"/tasks/{completed.pk}/log/clear",
        f"/tasks/{completed.pk}/charts/",
        f"/tasks/{completed.pk}/charts/levels",
        f"/tasks/{wide_space.pk}/charts/parallel",
        "/compare",
        f"/compare?run={completed.pk}.1&run={wide_space.pk}.1",
        f"/tasks/{infeasible.pk}/?status=infeasible&sort=-ttft_p90_s",
        *(f"/experiments/{experiment.pk}/" for experiment in experiments),
        "/system/?show=all",
        "/system/settings",
        "/account/notifications",
        "/account/notifications/new/webhook",
        "/account/notifications/new/email",
        f"/account/notifications/{hook}/",
        f"/account/notifications/{hook}/edit",
        f"/account/notifications/{hook}/delete",
        f"/account/notifications/{mail}/",
        f"/account/notifications/{mail}/confirm?token={token}",
        "/system/notifications",
        "/system/audit/",
        "/system/audit/?who=nobody&until=wrong",
        "/datasets/",
        "/datasets/new",
        f"/datasets/{make_dataset().pk}/",
        "/presets/",
        "/presets/?runtime=vllm",
        "/presets/new?from=shipped:vllm:memory",
        "/presets/import",
        f"/presets/own:{preset.pk}/",
        f"/presets/own:{preset.pk}/edit",
        f"/presets/own:{preset.pk}/delete",
        f"/presets/own:{preset.pk}/merge",
        f"/presets/own:{preset.pk}/merge?task={pending.pk}",
        "/admin/",
        "/admin/tasks_app/task/",
        f"/admin/tasks_app/task/{deployed.pk}/change/",
        f"/admin/tasks_app/preset/{preset.pk}/change/",
        "/admin/experiments_app/experiment/",
        f"/admin/experiments_app/experiment/{experiments[0].pk}/change/",
        "/admin/experiments_app/measurement/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        f"/admin/auth/user/{factories.make_user('grace', role=Role.VIEWER).pk}/change/",
        "/password/",
        "/account/tokens",
        "/api/v1/docs",
        "/tasks/import",
        "/tasks/import-results",
        "/system/checks?all",
        "/help/",
        "/help/concepts",
        "/help/docker",
        "/tasks/9999/",
    ]


def _channels(*tasks: Task) -> tuple[int, int, str]:
    """Numbers of two of whoever looks: a webhook with a log, and an address that is to be confirmed
    by the token."""
    user = User.objects.filter(is_superuser=True)[0]
    hook = factories.make_channel(user)
    for task in tasks:
        factories.make_delivery(hook, task)
        factories.make_delivery(hook, task, Delivery.Status.DELIVERED)
    mail = factories.make_email_channel(user, "ada@example.org", confirmed=False)
    return hook.number, mail.number, Confirmation(mail.pk, mail.address).written()


def violations(result: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


# What does not depend on colours is looked at once. Imported style sheets, which the admin has, axe
# would load again in a way that the content policy forbids.
RULES: Mapping[Literal["light", "dark"], str] = {
    "light": "{preload: false, resultTypes: ['violations']}",
    "dark": "{preload: false, resultTypes: ['violations'],"
    " runOnly: ['color-contrast', 'link-in-text-block']}",
}
# Colours that are on their way from one theme to the other are nobody's.
ARRIVE = """document.getAnimations().filter((a) => a instanceof CSSTransition)
  .forEach((a) => a.finish())"""
# On a phone the same stands elsewhere, or is hidden: what can go wrong is room and names.
PHONE_RULES = "{runOnly: ['target-size', 'scrollable-region-focusable', 'label', 'link-name']}"


def problems(page: Page) -> list[str]:
    """What axe finds on what is shown, in each theme."""
    page.evaluate(AXE)
    found = []
    for theme, rules in RULES.items():
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        page.evaluate(ARRIVE)
        result = page.evaluate(f"axe.run({rules})")
        found += [f"{theme}: {violation}" for violation in violations(result)]
    return found


def test_it_is_accessible_and_fits_a_phone(open_page: OpenPage) -> None:
    page = open_page(viewport=WIDE, expected="404")
    too_wide, found = [], {}
    for path in paths():
        page.set_viewport_size(WIDE)
        page.goto(path)
        found[path] = problems(page)
        page.set_viewport_size(NARROW)
        if page.evaluate("document.documentElement.scrollWidth") > NARROW["width"]:
            too_wide.append(path)
        if not path.startswith("/admin/"):  # Django's own lists are dense
            found[path] += violations(page.evaluate(f"axe.run({PHONE_RULES})"))
    assert too_wide == []
    assert {path: some for path, some in found.items() if some} == {}


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_is_asked_of_many_tasks_is_accessible(open_page: OpenPage, viewport: Any) -> None:
    factories.make_task()
    factories.completed_task((50.0,))
    page = open_page(viewport=viewport)
    found = {}
    for action in ("label", "edit", "start", "delete"):
        page.goto("/")
        for box in page.locator("tbody .pick input").all():
            box.check()
        page.locator(f"#bulk [value={action}]").click()
        page.wait_for_url("**/tasks/bulk*" if action != "start" else "**/tasks/bulk/outcomes")
        found[action] = problems(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert {action: some for action, some in found.items() if some} == {}


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_results_of_another_site_hold_is_accessible(
    open_page: OpenPage, viewport: Any
) -> None:
    data = RunResults(factories.completed_task()).to_data()
    files: list[FilePayload] = [
        {"name": f"run-{run}.json", "mimeType": "application/json", "buffer": content}
        for run, content in enumerate(json.dumps(data | {"run": run}).encode() for run in (0, 1))
    ]
    page = open_page(viewport=viewport)
    page.goto("/tasks/import-results")
    page.get_by_label("Files").set_input_files(files)
    page.get_by_role("button", name="Show what it holds").click()
    page.get_by_text("Known already").or_(page.get_by_text("Ready")).first.wait_for()
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.get_by_role("button", name="Import the chosen").click()
    page.get_by_role("button", name="Forget").wait_for()
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_it_is_accessible_before_anything_is_there(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/")
    assert problems(page) == []
    guest = open_page(signed_in=False)
    guest.goto("/sign-in/")
    assert problems(guest) == []


def test_it_is_accessible_with_errors_and_a_conflict(open_page: OpenPage) -> None:
    page = open_page(expected="Failed to load resource")
    page.goto("/tasks/new")
    page.get_by_role("button", name="Add a flag").click()
    page.get_by_label("Flag", exact=True).fill("treads")
    page.get_by_role("button", name="Save", exact=True).click()
    assert problems(page) == []
    task = factories.make_task()
    page.goto(f"/tasks/{task.pk}/edit")
    task.replace_spec(task.spec.model_copy(update={"description": "theirs"}), version=1)
    page.get_by_label("Description").fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("changed meanwhile").wait_for()
    assert problems(page) == []


def test_it_starts_with_a_link_past_the_navigation(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
