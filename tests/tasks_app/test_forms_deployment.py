"""How the server is run, in the form of a task."""

from typing import Any

import pytest

from tasks_app.forms import TaskForm, YamlForm, task_form
from tasks_app.masking import MASK
from tasks_app.spec import TaskSpec
from tasks_app.spec_deployment import Access
from tests.factories import make_task
from tests.tasks_app.typed_forms import errors_of, fields_of, stored, switch, typed

pytestmark = pytest.mark.django_db


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
