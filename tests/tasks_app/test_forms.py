from typing import Any

import pytest
from django import forms

from tasks_app.form.rows import SECTIONS, all_fields, rows_of
from tasks_app.forms import TaskForm, YamlForm, task_form
from tasks_app.masking import MASK
from tasks_app.models import Task
from tasks_app.spec import TaskSpec
from tasks_app.spec_deployment import Access
from tests.factories import make_task, make_user, running_task

pytestmark = pytest.mark.django_db


def typed(**changes: Any) -> dict[str, str]:
    """What a browser sends of a task form that was filled in well.

    `parameters`, `fixed_parameters` and `slo` are given as the task file has them, sent as rows.
    """
    fields: dict[str, Any] = {
        "view": "form",
        "task_name": "mine",
        "model": "smollm2-135m",
        "base_runtime": "llamacpp",
        "deployment_mode": "local",
        "parameters": {"threads": [1, 2], "parallel": [1, 4]},
        "objective": "maximize_throughput",
        "traffic_scenarios": "D(100,50), D(200,200)",
        "num_concurrency": "1, 4",
    }
    fields |= changes
    rows = [row for name in SECTIONS for row in rows_of(name, fields.pop(name, None))]
    return all_fields(rows) | fields


def errors_of(**changes: Any) -> dict[str, list[str]]:
    form = TaskForm(typed(**changes))
    assert not form.is_valid()
    return {name: list(map(str, errors)) for name, errors in form.errors.items()}


def stored(form: TaskForm | YamlForm) -> Task:
    assert form.is_valid(), form.errors
    task = form.create(make_user())
    assert task is not None
    return Task.objects.get(pk=task.pk)


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


# How the server is run

ACCESS = {"https_proxy": "http://u:hidden-1@proxy:3128", "hub_token": "hf_hidden-2"}
DEPLOYMENT = {
    "deployment_mode": "docker",
    "use_gpus": "false",
    "runtime_image_tag": "server-b9000",
    "network": "bridge",
    "ipc": "private",
    "shm_size_gib": "16",
    "memory_gib": "0.5",
    "cpus": "1.5",
    "ulimits": "memlock: -1\nnofile: 65536",
    "volumes": "/srv/a:/a\n/srv/b:/b:rw",
    "health_path": "/v1/health",
    "interval_s": "0.5",
    "timeout_s": "900",
    "http_proxy": "none",
    "https_proxy": "http://proxy.example:3128",
    "no_proxy": "intranet.example",
}


def fields_of(form: TaskForm) -> dict[str, str]:
    """What a browser sends of the form as it is shown."""
    sent = {"view": "form", "version": str(form.sent_version or "")}
    sent |= all_fields(row for rows in form.rows.values() for row in rows)
    for name in form.fields.keys() - set(SECTIONS):
        shown = form[name].field.widget
        value = form[name].value() or ""
        if isinstance(shown, forms.PasswordInput):
            value = shown.format_value(value) or ""
        sent.setdefault(name, value)
    return sent


def test_it_takes_how_the_server_is_run() -> None:
    task = stored(TaskForm(typed(**DEPLOYMENT, hub_token="hf_hidden-2")))
    assert (task.deployment_mode, task.use_gpus) == ("docker", False)
    assert task.container == {
        "network": "bridge",
        "ipc": "private",
        "shm_size_gib": 16.0,
        "memory_gib": 0.5,
        "cpus": 1.5,
        "ulimits": {"memlock": -1, "nofile": 65536},
        "volumes": ["/srv/a:/a", "/srv/b:/b:rw"],
    }
    assert task.readiness == {"health_path": "/v1/health", "interval_s": 0.5, "timeout_s": 900.0}
    assert task.access == {
        "http_proxy": "",
        "https_proxy": "http://proxy.example:3128",
        "no_proxy": "intranet.example",
        "hub_token": "hf_hidden-2",
    }


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"use_gpus": "maybe"}, "use_gpus", "true or false"),
        ({"runtime_image": "a:1;ls"}, "runtime_image", "it holds ';'"),
        ({"shm_size_gib": "much"}, "shm_size_gib", "must be a number"),
        ({"cpus": "0"}, "cpus", "at least 0.01"),
        ({"ulimits": "nofiles: 1"}, "ulimits", "did you mean 'nofile'"),
        ({"volumes": "/srv/a:/a\n/:/host"}, "volumes", "[1]: the whole file system"),
        ({"health_path": "health"}, "health_path", "write /health"),
        ({"timeout_s": "0"}, "timeout_s", "at least 1"),
        ({"https_proxy": "proxy:3128"}, "https_proxy", "write http://proxy.example:3128"),
        ({"hub_token": MASK}, "hub_token", "put the value in again"),
    ],
)
def test_it_brings_problems_of_the_deployment_to_their_fields(
    changes: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(**changes)
    assert list(errors) == [field]
    assert words in " ".join(errors[field])


@pytest.mark.parametrize("name", sorted(DEPLOYMENT))
def test_it_keeps_how_the_server_is_run_through_an_invalid_submit(name: str) -> None:
    form = TaskForm(typed(**DEPLOYMENT, seed="x"))
    assert not form.is_valid()
    assert fields_of(form)[name] == DEPLOYMENT[name]


def test_it_turns_how_the_server_is_run_into_yaml_and_back() -> None:
    task = stored(TaskForm(typed(**DEPLOYMENT)))
    yaml_form = task_form({"view": "form", "action": "as_yaml"} | typed(**DEPLOYMENT))
    text = yaml_form["text"].value()
    spec = YamlForm({"view": "yaml", "text": text.replace("mine", "other")})
    assert spec.is_valid(), spec.errors
    assert spec.checked_spec == task.spec.model_copy(update={"task_name": "other"})
    back = task_form({"view": "yaml", "action": "as_form", "text": text})
    assert isinstance(back, TaskForm)
    sent = TaskForm(fields_of(back) | {"task_name": "third"})
    assert sent.is_valid(), sent.errors
    assert sent.checked_spec == task.spec.model_copy(update={"task_name": "third"})


@pytest.mark.parametrize("view", ["form", "yaml"])
def test_it_shows_no_secret_and_keeps_them_all(view: str) -> None:
    task = make_task(access=ACCESS, environment={"API_KEY": "hidden-3", "U": ACCESS["https_proxy"]})
    shown = task_form(None, task=task, view=view)
    assert "hidden-" not in str(shown)
    if isinstance(shown, TaskForm):
        sent = fields_of(shown)
    else:
        sent = {"view": "yaml", "text": shown["text"].value(), "version": "1"}
    form = task_form(sent, task=task)
    assert form.is_valid(), form.errors
    assert form.checked_spec == task.spec
    assert not form.changes(task)


def test_it_changes_takes_away_and_adds_secrets() -> None:
    task = make_task(access=ACCESS)
    sent = fields_of(TaskForm(task=task))
    form = TaskForm(sent | {"hub_token": "hf_hidden-9", "https_proxy": ""}, task=task)
    assert form.is_valid(), form.errors
    assert form.checked_spec.access == Access(hub_token="hf_hidden-9")


def test_it_sends_no_password_of_a_proxy_to_another() -> None:
    task = make_task(access=ACCESS)
    sent = fields_of(TaskForm(task=task))
    sent["https_proxy"] = sent["https_proxy"].replace("proxy:", "elsewhere:")
    form = TaskForm(sent, task=task)
    assert not form.is_valid()
    assert "put the value in again" in str(form.errors["https_proxy"])


def test_it_asks_for_a_token_again_instead_of_sending_it_back() -> None:
    form = TaskForm(typed(seed="x", hub_token="hf_hidden-2"))
    assert not form.is_valid()
    form.ask_again()
    assert "hidden-" not in str(form)
    assert "Put it in again" in str(form.errors["hub_token"])


@pytest.mark.parametrize("token", ["", "none", MASK])
def test_it_asks_for_no_token_that_is_still_there(token: str) -> None:
    form = TaskForm(typed(seed="x", hub_token=token))
    assert not form.is_valid()
    assert form["hub_token"].value() == token
    form.ask_again()
    assert "Put it in again" not in str(form.errors.get("hub_token", ""))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"hub_token": "hf_hidden-2"}, "hub_token"),
        ({"environment": "API_KEY: hidden"}, "environment"),
        ({"http_proxy": "http://u:hidden@proxy"}, "http_proxy"),
    ],
)
def test_it_loses_no_new_secret_by_switching(changes: dict[str, str], field: str) -> None:
    form = switch(typed(action="as_yaml", **changes))
    assert isinstance(form, TaskForm)
    assert "save first" in str(form.errors[field])
    text = "task_name: x\naccess: {hub_token: hf_hidden-2}\n"
    form = switch({"view": "yaml", "action": "as_form", "text": text})
    assert isinstance(form, YamlForm)
    assert "save first" in str(form.errors["text"])


def test_it_folds_away_what_most_tasks_leave_as_it_is() -> None:
    def unfolded(form: TaskForm) -> list[str]:
        return [p.section.title for s in form.sections for p in s.more if p.is_used]

    plain = {"optimization": {"confirm": True, "drift_check_every": 10}}
    assert unfolded(TaskForm()) == unfolded(TaskForm(task=make_task(**plain))) == []
    assert unfolded(TaskForm(task=make_task(**plain, access=ACCESS))) == ["Network access"]
    assert unfolded(TaskForm(task=make_task())) == ["How the winner is confirmed"]
    wrong = TaskForm(typed(health_path="x", cpus="0"))
    assert not wrong.is_valid()
    assert unfolded(wrong) == ["Container", "Readiness"]


@pytest.mark.parametrize("mode", ["docker", "local"])
def test_it_starts_with_the_site_s_way_to_run(settings: Any, mode: str) -> None:
    settings.DEPLOYMENT_MODE = mode
    assert TaskForm()["deployment_mode"].value() == mode
    assert f"deployment_mode: {mode}\n" in YamlForm()["text"].value()


def test_it_reads_a_yaml_without_a_deployment_mode_alike_in_the_form() -> None:
    form = switch({"view": "yaml", "action": "as_form", "text": "task_name: x\n"})
    widget = form.fields["deployment_mode"].widget
    assert form["deployment_mode"].value() == ""
    assert widget.choices[0][0] == TaskSpec.model_fields["deployment_mode"].default


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


def switch(data: dict[str, Any]) -> Any:
    return task_form(data)


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
