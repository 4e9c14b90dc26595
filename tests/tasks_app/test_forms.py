import pytest

from tasks_app.forms import TaskForm, YamlForm
from tasks_app.masking import MASK
from tasks_app.models import Task
from tests.factories import make_task, make_user, running_task
from tests.tasks_app.typed_forms import errors_of, fields_of, stored, switch, typed

pytestmark = pytest.mark.django_db


def test_it_creates_a_task() -> None:
    task = stored(TaskForm(typed()))
    assert task.parameters == {"threads": [1, 2], "parallel": [1, 4]}
    assert task.created_by is not None


def test_a_load_that_is_found_is_typed_as_a_word() -> None:
    task = stored(TaskForm(typed(num_concurrency=" Auto", max_concurrency="64", prune="false")))
    assert task.benchmark["num_concurrency"] == "auto"
    assert task.benchmark["max_concurrency"] == 64
    assert task.optimization["prune"] is False


def test_a_latency_and_a_load_that_is_found_are_refused_at_the_load() -> None:
    errors = errors_of(num_concurrency="auto", objective="minimize_ttft")
    assert "write a list as [1, 4]" in errors["num_concurrency"][0]


def test_it_never_splits_a_scenario_at_its_comma() -> None:
    assert stored(TaskForm(typed())).benchmark["traffic_scenarios"] == ["D(100,50)", "D(200,200)"]


def test_it_leaves_the_default_where_a_field_is_empty() -> None:
    task = stored(TaskForm(typed(additional_params="", seed="")))
    assert task.benchmark["additional_params"] == {"temperature": 0.0}
    assert task.optimization["seed"] == 0


def test_it_tells_an_empty_value_from_no_value() -> None:
    assert stored(TaskForm(typed(additional_params="{}"))).benchmark["additional_params"] == {}


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"task_name": ""}, "task_name", "missing"),
        ({"model": ""}, "model", "missing"),
        ({"parameters": {}}, "parameters", "missing"),
        ({"parameters-0-values": '1, "2'}, "parameters", "has no end"),
        ({"parameters": {"treads": [1, 2]}}, "parameters", "did you mean 'threads'"),
        ({"parameters": {"threads": {"low": 4, "high": 1}}}, "parameters", "low 4 is above high 1"),
        ({"parameters": {"tp-size": [1, 2]}}, "parameters", "tp-size"),
        ({"max_iterations": "many"}, "max_iterations", "whole number"),
        ({"max_iterations": "0"}, "max_iterations", "at least 1"),
        ({"traffic_scenarios": "D(100, 50)"}, "traffic_scenarios", "write D(100,50)"),
        ({"traffic_scenarios": "E(100)"}, "traffic_scenarios", "no scenario for text-to-text"),
        ({"num_concurrency": "1, two"}, "num_concurrency", "whole number"),
        ({"slo": {"ttft_p98_s": 1}}, "slo", "did you mean"),
        ({"slo": {"ttft_p99_s": "fast"}}, "slo", "must be a number"),
        ({"slo_error_rate": "101"}, "slo_error_rate", "between 0 and 1"),
        ({"constraints": "threads = 2"}, "constraints", "compare with =="),
        ({"environment": "PATH: /tmp"}, "environment", "PATH"),
        ({"base_runtime": "llama"}, "base_runtime", "did you mean 'llamacpp'"),
    ],
)
def test_it_brings_each_problem_to_its_field(
    changes: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(**changes)
    assert list(errors) == [field]
    assert words in " ".join(errors[field])


def test_it_finds_all_problems_at_once() -> None:
    errors = errors_of(task_name="", **{"parameters-0-values": "'1"}, seed="x")
    assert set(errors) == {"task_name", "parameters", "seed"}


def test_it_keeps_what_was_typed() -> None:
    form = TaskForm(typed(**{"parameters-0-values": "'1"}, description="<b>ö</b>"))
    assert not form.is_valid()
    assert form.rows["parameters"][0].cells["values"] == "'1"
    assert "&lt;b&gt;ö&lt;/b&gt;" in str(form["description"])


def test_it_refuses_a_name_that_is_taken() -> None:
    make_task(task_name="mine")
    assert "already" in errors_of()["task_name"][0]


def test_it_refuses_a_name_that_is_taken_while_it_saves() -> None:
    form = TaskForm(typed())
    assert form.is_valid()
    make_task(task_name="mine")
    assert form.create(make_user()) is None
    assert "already" in form.errors["task_name"][0]


def test_it_shows_a_stored_task_and_gives_it_back_unchanged() -> None:
    task = make_task(
        parameters={"threads": {"low": 1, "high": 4}, "flash-attn": ["on", "off", "auto"]},
        constraints=["threads <= 3"],
        slo={"ttft_p99_s": 0.5},
        environment={"OMP_PROC_BIND": "close"},
    )
    shown = TaskForm(task=task)
    form = TaskForm(fields_of(shown), task=task)
    assert form.is_valid(), form.errors
    assert form.checked_spec.to_data() == task.spec_data()
    assert not form.changes(task)


def test_it_replaces_a_task_and_counts_the_version_up() -> None:
    task = make_task()
    form = TaskForm(typed(version="1"), task=task)
    assert form.is_valid(), form.errors
    assert form.replace(task, make_user())
    task.refresh_from_db()
    assert (task.name, task.version) == ("mine", 2)


def test_it_refuses_an_edit_of_an_old_version_and_shows_both() -> None:
    task = make_task()
    form = TaskForm(typed(version="1", description="of mine"), task=task)
    Task.objects.get(pk=task.pk).replace_spec(
        task.spec.model_copy(update={"description": "of another"}), version=1
    )
    assert form.is_valid()
    assert not form.replace(task, make_user())
    assert form.conflict is not None
    assert form.sent_version == 2
    assert ("removed", "- description: of another") in form.conflict.diff
    assert ("added", "+ description: of mine") in form.conflict.diff


def test_it_refuses_to_edit_a_task_that_started_meanwhile() -> None:
    task = running_task()
    form = TaskForm(typed(version="1"), task=task)
    assert form.is_valid()
    assert not form.replace(task, make_user())
    assert "running" in str(form.non_field_errors())


def test_it_masks_secrets_and_keeps_them_where_the_mask_comes_back() -> None:
    task = make_task(environment={"HF_TOKEN": "hf_abc", "OMP_NUM_THREADS": "2"})
    shown = TaskForm(task=task)
    assert "hf_abc" not in str(shown["environment"])
    form = TaskForm(typed(environment=f"HF_TOKEN: {MASK}", version="1"), task=task)
    assert form.is_valid(), form.errors
    assert form.checked_spec.environment == {"HF_TOKEN": "hf_abc"}


def test_it_refuses_a_mask_that_stands_for_nothing() -> None:
    form = TaskForm(typed(environment=f"HF_TOKEN: {MASK}"))
    assert not form.is_valid()
    assert "put the value in again" in str(form.errors["environment"])


def test_it_takes_the_whole_task_as_yaml() -> None:
    text = "task_name: mine\ndeployment_mode: local\nbase_runtime: llamacpp\n"
    text += "model: {id_or_path: smollm2-135m}\nparameters: {threads: [1, 2]}\n"
    assert stored(YamlForm({"view": "yaml", "text": text})).name == "mine"


def test_it_names_the_place_of_each_problem_in_yaml() -> None:
    form = YamlForm({"view": "yaml", "text": "task_name: mine\nmodle: {id_or_path: x}\n"})
    assert not form.is_valid()
    errors = " ".join(map(str, form.errors["text"]))
    assert "modle" in errors
    assert "base_runtime" in errors


def test_it_turns_the_form_into_yaml_and_back_without_loss() -> None:
    form = switch(typed(action="as_yaml", slo={"ttft_p99_s": 0.5}, version="3"))
    assert isinstance(form, YamlForm)
    text = form["text"].value()
    assert "ttft_p99_s: 0.5" in text
    back = switch({"view": "yaml", "action": "as_form", "text": text, "version": "3"})
    assert isinstance(back, TaskForm)
    assert back["traffic_scenarios"].value() == "D(100,50), D(200,200)"
    assert [row.name for row in back.rows["slo"]] == ["ttft_p99_s"]
    assert back["version"].value() == "3"


def test_it_stays_where_switching_would_lose_something() -> None:
    text = "task_name: mine\nparameters: {threads: {from: 1, to: 8}, parallel: 3}\n"
    form = switch({"view": "yaml", "action": "as_form", "text": text})
    assert isinstance(form, YamlForm)
    assert "no field" in str(form.errors["text"])
    form = switch(typed(action="as_yaml", **{"parameters-0-values": "'1"}))
    assert isinstance(form, TaskForm)
    assert "parameters" in form.errors


@pytest.mark.parametrize("value", ["1", "{}", "[]", "''", "null", "{here: }"])
def test_it_says_an_unknown_key_in_place_of_dropping_it(value: str) -> None:
    text = f"task_name: mine\nbenchmarks: {value}\n"
    form = switch({"view": "yaml", "action": "as_form", "text": text})
    assert isinstance(form, YamlForm)
    (error,) = form.errors["text"]
    assert error == "line 2: benchmarks: unknown key 'benchmarks' (did you mean 'benchmark'?)"


def test_an_empty_section_that_is_known_is_no_obstacle() -> None:
    text = "task_name: mine\nslo: {}\ncontainer: {}\nbenchmark: {}\n"
    assert isinstance(switch({"view": "yaml", "action": "as_form", "text": text}), TaskForm)


def test_it_warns_about_what_can_be_kept() -> None:
    form = TaskForm(typed(objective="maximize_goodput"))
    assert form.is_valid()
    assert "every request counts as good" in str(form.warnings[0])


def test_how_the_winner_is_confirmed_is_typed_and_shown_again() -> None:
    task = stored(
        TaskForm(
            typed(
                confirm="true", confirm_budget="50", undo_test="true", drift_check_every="Never",
                fresh_prompts="false", remeasure_disturbed="false",
            )
        )
    )  # fmt: skip
    asked = task.spec.optimization
    assert (asked.confirm, asked.confirm_budget, asked.undo_test) == (True, 0.5, True)
    assert asked.drift_check_every is None
    assert not task.spec.benchmark.fresh_prompts
    form = TaskForm(task=task)
    shown = {name: form[name].value() for name in ("confirm_budget", "drift_check_every")}
    assert shown == {"confirm_budget": "50", "drift_check_every": "never"}
