"""Flags and SLOs as rows: what is posted, what it means, and what its buttons do."""

from typing import Any

import pytest
from django.test import Client

from tasks_app.form.rows import FIXED, PARAMETERS, SLO, all_fields, posted_rows, rows_of, section_of
from tasks_app.forms import TaskForm, task_form
from tasks_app.models import Task
from tests.tasks_app.form.test_deployment import SentFields
from tests.tasks_app.typed_forms import fields_of, typed

pytestmark = pytest.mark.django_db


def through_rows(section: str, value: dict[str, Any]) -> dict[str, Any]:
    return section_of(posted_rows(all_fields(rows_of(section, value)))[section])


@pytest.mark.parametrize(
    ("section", "value"),
    [
        (PARAMETERS, {"a": [1, 2.5, "x", "1", True, None], "b": ["on", "off"]}),
        (PARAMETERS, {"a": {"low": 0.7, "high": 0.9, "step": 0.05}, "b": {"low": 1, "high": 8}}),
        (PARAMETERS, {"a": {"low": 512, "high": 8192, "log": True}}),
        (PARAMETERS, {"a": {"values": [1, "1", None], "when": "b == 'x, y'"}, "b": ["x, y"]}),
        (PARAMETERS, {"a": {"low": 512, "high": 8192, "log": True, "when": "b and not c"}}),
        (PARAMETERS, {"json": ['{"level": 3, "modes": ["a", "b"]}']}),
        (FIXED, {"a": 1, "b": 1.0, "c": "1", "d": True, "e": None, "f": "true", "g": "a, b"}),
        (SLO, {"ttft_p99_s": 0.5, "e2e_mean_s": 5, "tpot_p50_s": 1e-05}),
    ],
)
def test_it_gives_a_section_back_with_every_type(section: str, value: dict[str, Any]) -> None:
    back = through_rows(section, value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    ("changes", "number", "words"),
    [
        ({"parameters-1-name": "threads"}, 1, "earlier row"),
        ({"parameters-1-name": ""}, 1, "Name the flag"),
        ({"parameters-0-values": ""}, 0, "list at least one value"),
        ({"parameters-0-values": "1, 1"}, 0, "stands twice"),
        ({"parameters-1-values": "1, many"}, 1, "Value 2: Must be a whole number"),
        ({"parameters-0-kind": "range", "parameters-0-low": "1"}, 0, "A range needs high"),
        ({"parameters-0-when": "paralel > 1"}, 0, "Nothing is named 'paralel'"),
        ({"parameters-0-when": "parallel >"}, 0, "xpected a flag name or a value"),
        ({"parameters-0-name": "treads"}, 0, "did you mean 'threads'"),
    ],
)
def test_it_says_what_is_wrong_at_the_row(changes: Any, number: int, words: str) -> None:
    form = TaskForm(typed(**changes))
    assert not form.is_valid()
    assert words in " ".join(form.rows["parameters"][number].errors)
    assert not form.rows["parameters"][1 - number].errors
    assert form.problem_count == 1


def test_it_marks_flags_that_another_runtime_does_not_know() -> None:
    form = TaskForm(typed(base_runtime="sglang", deployment_mode="docker"))
    assert not form.is_valid()
    assert "is a flag of llamacpp, not of sglang" in form.rows["parameters"][0].errors[0]
    assert [row.name for row in form.rows["parameters"]] == ["threads", "parallel"]


@pytest.mark.parametrize(("typed_bound", "stored"), [("500 ms", 0.5), ("0.5", 0.5), ("2 min", 120)])
def test_it_takes_a_bound_in_any_unit_of_time(typed_bound: str, stored: float) -> None:
    form = TaskForm(typed(slo={"ttft_p99_s": typed_bound}, slo_error_rate="5"))
    assert form.is_valid(), form.errors
    assert form.checked_spec.slo == {"ttft_p99_s": stored, "error_rate": 0.05}


def test_it_stores_no_name_that_follows_from_the_model() -> None:
    form = TaskForm(typed(model_name="smollm2-135m", model_tokenizer="smollm2-135m"))
    assert form.is_valid(), form.errors
    assert form.checked_spec.benchmark.model_name is None
    assert form.checked_spec.benchmark.model_tokenizer is None


def test_it_keeps_a_name_that_says_something_else() -> None:
    form = TaskForm(typed(model_name="mine"))
    assert form.is_valid(), form.errors
    assert form.checked_spec.benchmark.model_name == "mine"


# Buttons, without a script


def sent(browser: Client, fields: dict[str, str], **button: str) -> dict[str, str]:
    """What the page that comes back would send."""
    response = browser.post("/tasks/new", fields | button)
    assert response.status_code == 200
    assert not Task.objects.exists()
    return SentFields(response.text).fields


def test_it_adds_and_removes_rows_and_keeps_the_rest(browser: Client) -> None:
    fields = typed(description="kept", **{"parameters-0-values": "1, tw"})
    added = sent(browser, fields, action="add_parameters")
    assert added["parameters-2-name"] == ""
    assert (added["parameters-0-values"], added["description"]) == ("1, tw", "kept")
    removed = sent(browser, added, action="remove_parameters_0")
    assert "parameters-0-name" not in removed
    assert removed["parameters-1-name"] == "parallel"


def test_it_resets_a_field_to_its_default(browser: Client) -> None:
    fields = sent(browser, typed(model_name="mine"), action="reset_model_name")
    assert fields["model_name"] == ""


def test_it_adds_a_typical_shape_of_traffic(browser: Client) -> None:
    fields = sent(browser, typed(traffic_scenarios="D(100,50)"), add_scenario="D(100,1000)")
    assert fields["traffic_scenarios"] == "D(100,50), D(100,1000)"


def test_it_shows_what_would_be_stored_after_check(browser: Client) -> None:
    response = browser.post("/tasks/new", typed(action="check", model="org/name-1B"))
    assert response.status_code == 200
    assert "Left empty, it will be:" in response.text
    assert "the full path" in response.text  # llama.cpp loads no model of the hub
    assert not Task.objects.exists()


def test_it_asks_before_comments_are_lost(browser: Client) -> None:
    text = "task_name: mine # why\nbase_runtime: llamacpp\n"
    asked = browser.post("/tasks/new", {"view": "yaml", "text": text, "action": "as_form"}).text
    assert "Your comments would be lost" in asked
    assert "# why" in asked
    data = {"view": "yaml", "text": text, "action": "as_form_without_comments"}
    assert SentFields(browser.post("/tasks/new", data).text).fields["task_name"] == "mine"


def test_it_says_the_line_of_what_is_wrong_in_yaml(browser: Client) -> None:
    text = "task_name: mine\nbase_runtime: llamacpp\nmodel: {id_or_path: x}\n"
    text += "parameters:\n  treads: [1]"
    page = browser.post("/tasks/new", {"view": "yaml", "text": text}).text
    assert "line 5: parameters.treads" in page


def test_it_leaves_more_flags_than_there_are_rows_for_in_yaml(browser: Client) -> None:
    text = "parameters: {" + ", ".join(f"p{i}: [1]" for i in range(400)) + "}"
    page = browser.post("/tasks/new", {"view": "yaml", "text": text, "action": "as_form"}).text
    assert "400 flags are more than the form has rows for" in page
    assert "p399" in page


def test_it_answers_a_form_of_ten_thousand_flags_with_a_page_that_helps(browser: Client) -> None:
    fields = typed(parameters={f"flag-{i}": [1] for i in range(10_000)})
    response = browser.post("/tasks/new", fields)
    assert response.status_code == 413
    assert "100 flags" in response.text


# Presets


def flags_in(fields: dict[str, str]) -> dict[str, str]:
    return {
        fields[key]: fields[key.replace("-name", "-values")]
        for key in fields
        if key.startswith("parameters-") and key.endswith("-name")
    }


def test_it_fills_an_empty_form_by_one_preset(browser: Client) -> None:
    fields = typed(parameters={}, base_runtime="sglang", deployment_mode="docker")
    merged = flags_in(sent(browser, fields, preset="shipped:sglang:quick-look"))
    assert merged["enable-mixed-chunk"] == "false, true"


def test_it_takes_the_preset_of_the_runtime_that_is_chosen_now(browser: Client) -> None:
    fields = typed(parameters={}, base_runtime="vllm", deployment_mode="docker")
    assert "max-num-seqs" in flags_in(sent(browser, fields, preset="shipped:sglang:throughput"))


def test_it_shows_where_preset_and_rows_disagree_and_changes_nothing(browser: Client) -> None:
    fields = typed(parameters={"chunked-prefill-size": [4096]}, base_runtime="sglang")
    response = browser.post("/tasks/new", fields | {"preset": "shipped:sglang:quick-look"})
    assert "your rows disagree" in response.text
    assert flags_in(SentFields(response.text).fields) == {"chunked-prefill-size": "4096"}


@pytest.mark.parametrize(("side", "values"), [("mine", "4096"), ("preset", "2048, 8192")])
def test_it_follows_the_side_that_was_chosen(browser: Client, side: str, values: str) -> None:
    fields = typed(parameters={"chunked-prefill-size": [4096]}, base_runtime="sglang")
    choice = {"side-chunked-prefill-size": side, "merge": "shipped:sglang:quick-look"}
    merged = flags_in(sent(browser, fields, **choice))
    assert merged["chunked-prefill-size"] == values
    assert "enable-mixed-chunk" in merged


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({}, "own:99", "no such preset"),
        ({"base_runtime": "other"}, "shipped:sglang:quick-look", "is for sglang, not for other"),
        ({"parameters-1-name": "threads"}, "shipped:llamacpp:quick-look", "mend it first"),
    ],
)
def test_it_says_why_a_preset_cannot_be_merged(changes: Any, key: str, words: str) -> None:
    form = task_form(typed(**changes, preset=key))
    assert isinstance(form, TaskForm)
    assert form.offer is not None
    assert words in form.offer.trouble
    assert fields_of(form)["parameters-0-name"] == "threads"
