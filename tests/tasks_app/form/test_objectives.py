"""Several objectives are boxes to check; the order in which a task names them is kept."""

from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from tasks_app.form.objectives import joined
from tasks_app.models import Task
from tests.factories import make_task
from tests.tasks_app.typed_forms import typed

pytestmark = pytest.mark.django_db
ORDERED = {"objectives": ["ttft_p99", "throughput"]}


def page(response: Any) -> str:
    return str(response.content.decode())


def checked(text: str) -> list[str]:
    boxes = text.split('name="objectives" value="')[1:]
    return [box.partition('"')[0] for box in boxes if " checked" in box.partition(">")[0]]


def test_checked_boxes_become_the_objectives_of_the_task(browser: Client) -> None:
    browser.post("/tasks/new", typed(objectives=["throughput", "tpot_mean"], action="save"))
    assert Task.objects.get().spec.optimization.objectives == ["throughput", "tpot_mean"]


def test_no_checked_box_is_one_objective(browser: Client) -> None:
    browser.post("/tasks/new", typed(action="save"))
    assert Task.objects.get().spec.optimization.objectives is None


@pytest.mark.parametrize(
    "names", [["throughput"], ["throughput", "goodput", "ttft_mean", "e2e_p90"]]
)
def test_too_few_or_too_many_are_told_at_the_field_and_stay_checked(
    browser: Client, names: list[str]
) -> None:
    text = page(browser.post("/tasks/new", typed(objectives=names, action="save")))
    field = text.partition('id="id_objectives"')[2].partition("</fieldset>")[0]
    assert 'class="field-error"' in field
    assert checked(field) == names
    assert not Task.objects.exists()


def test_the_form_of_a_task_has_its_objectives_checked_and_saves_them_in_their_order(
    browser: Client,
) -> None:
    task = make_task(optimization=ORDERED)
    text = page(browser.get(f"/tasks/{task.pk}/edit"))
    assert set(checked(text)) == set(ORDERED["objectives"])
    assert 'name="objectives_order" value="ttft_p99, throughput"' in text
    sent = QueryDict(
        "objectives=throughput&objectives=ttft_p99&objectives_order=ttft_p99,throughput"
    )
    assert joined(sent)["objectives"] == "ttft_p99, throughput"


@pytest.mark.parametrize("action", ["add_parameters", "as_yaml", "check", "reset_model_name"])
def test_other_buttons_keep_what_is_checked(browser: Client, action: str) -> None:
    names = ["throughput", "tpot_mean"]
    text = page(browser.post("/tasks/new", typed(objectives=names, action=action)))
    if action == "as_yaml":
        assert all(name in text.partition("objectives:")[2][:80] for name in names)
    else:
        assert checked(text) == names


def test_a_preset_keeps_what_is_checked(browser: Client) -> None:
    names = ["throughput", "tpot_mean"]
    text = page(browser.post("/tasks/new", typed(objectives=names, preset="llamacpp/latency")))
    assert checked(text) == names


def test_a_name_that_is_unknown_stays_among_the_boxes_until_it_is_unchecked(
    browser: Client,
) -> None:
    text = page(browser.post("/tasks/new", typed(objectives=["throughput", "speed"])))
    assert checked(text) == ["throughput", "speed"]
    assert "unknown objective" in text
