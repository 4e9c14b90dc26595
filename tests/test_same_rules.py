"""One schema for all ways in: form, file import, command and API take and refuse the same tasks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from autotuner_site.roles import Role
from tasks_app.forms import YamlForm, task_form
from tasks_app.models import Task
from tasks_app.taskfile import dump_document
from tests.attacker import Fields
from tests.experiments_app.api.callers import Caller
from tests.factories import make_user

pytestmark = pytest.mark.django_db
Document = dict[str, Any]

CONVERTED = "as the replaced system wrote it"
BASE: Document = {
    "task_name": "the one",
    "deployment_mode": "local",
    "base_runtime": "llamacpp",
    "model": {"id_or_path": "smollm2-135m"},
    "parameters": {"threads": [1, 2], "parallel": [1, 4]},
}
GOOD: dict[str, Document] = {
    "the least": {},
    "ranges and fixed values": {
        "parameters": {"ubatch-size": {"low": 64, "high": 512, "log": True}, "threads": [1, 2]},
        "fixed_parameters": {"ctx-size": 4096},
        "constraints": ["threads * 64 <= ubatch-size"],
    },
    "an objective and promises": {
        "optimization": {"objective": "minimize_ttft", "strategy": "random", "max_iterations": 3},
        "slo": {"ttft_p99_s": 0.5, "error_rate": 0.02},
    },
    "a load": {
        "benchmark": {
            "traffic_scenarios": ["D(100,100)", "N(480,240)/(300,150)"],
            "num_concurrency": [1, 8],
        }
    },
    "in a container": {
        "deployment_mode": "docker",
        "base_runtime": "vllm",
        "runtime_image_tag": "v0.10.0",
        "model": {"id_or_path": "meta-llama/Llama-3.2-1B-Instruct"},
        "parameters": {"max-num-seqs": [64, 128]},
        "environment": {"VLLM_LOGGING_LEVEL": "INFO"},
    },
    "another alphabet": {"task_name": "モデル", "description": "première\nseconde"},
    CONVERTED: {"slo": {"ttft": {"threshold": 0.5, "weight": 2.0}}},
}
BAD: dict[str, tuple[Document, str]] = {
    "no name": ({"task_name": ""}, "task_name"),
    "a name of blanks": ({"task_name": " "}, "task_name"),
    "a name that is too long": ({"task_name": "x" * 201}, "task_name"),
    "an unknown engine": ({"base_runtime": "llamacp"}, "base_runtime"),
    "an unknown key": ({"optimisation": {"seed": 1}}, "optimisation"),
    "an unknown flag": ({"parameters": {"thread": [1]}}, "parameters.thread"),
    "a flag of the command": ({"parameters": {"port": [1, 2]}}, "parameters.port"),
    "nothing to try": ({"parameters": {}}, "parameters"),
    "no choices": ({"parameters": {"threads": []}}, "parameters"),
    "a choice twice": ({"parameters": {"threads": [1, 1]}}, "parameters.threads"),
    "a range upside down": (
        {"parameters": {"threads": {"low": 4, "high": 1}}},
        "parameters.threads",
    ),
    "a constraint that is none": ({"constraints": ["threads <"]}, "constraints[0]"),
    "nothing that fulfils it": ({"constraints": ["threads > 9"]}, "constraints[0]"),
    "a text for a number": (
        {"optimization": {"max_iterations": "many"}},
        "optimization.max_iterations",
    ),
    "an unknown objective": ({"optimization": {"objective": "speed"}}, "optimization.objective"),
    "a promise below nothing": ({"slo": {"ttft_p99_s": -1}}, "slo.ttft_p99_s"),
    "a scenario that is none": (
        {"benchmark": {"traffic_scenarios": ["D(100"]}},
        "benchmark.traffic_scenarios[0]",
    ),
    "no user at all": ({"benchmark": {"num_concurrency": [0]}}, "benchmark.num_concurrency[0]"),
    "another benchmark": ({"benchmark": {"task": "text-to-image"}}, "benchmark.task"),
    "a variable of the loader": ({"environment": {"LD_PRELOAD": "x.so"}}, "environment.LD_PRELOAD"),
    "an image that is none": ({"runtime_image": "UPPER:case"}, "runtime_image"),
}


def by_text(client: Client, path: Path, document: Document) -> str:
    """The form that takes the task file as a text."""
    sent = {"view": "yaml", "action": "save", "text": dump_document(document)}
    return client.post("/tasks/new", sent).content.decode()


def by_fields(client: Client, path: Path, document: Document) -> str:
    """The form with a field for each key, filled by the site from the text."""
    sent = {"view": "yaml", "action": "as_form", "text": dump_document(document)}
    form = task_form(sent)
    if isinstance(form, YamlForm):  # it cannot even be shown in fields
        return str(form.errors)
    page = client.post("/tasks/new", sent).content.decode()
    values = Fields(page).values | {"view": "form", "action": "save"}
    return client.post("/tasks/new", values).content.decode()


def by_import(client: Client, path: Path, document: Document) -> str:
    text = dump_document(document)
    sent = {"action": "save", "text": [text], "source": ["a file"], "chosen": ["0"]}
    return client.post("/tasks/import", sent).content.decode()


def by_command(client: Client, path: Path, document: Document) -> str:
    file = path / "task.yaml"
    file.write_text(dump_document(document))
    try:
        call_command("import_task", file)
    except CommandError as error:
        return str(error)
    return ""


def by_api(client: Client, path: Path, document: Document) -> str:
    call = Caller(make_user("program", role=Role.OPERATOR))
    return str(call("POST", "/tasks", document).text_sent)


def by_api_in_yaml(client: Client, path: Path, document: Document) -> str:
    call = Caller(make_user("program", role=Role.OPERATOR))
    text = dump_document(document)
    return str(call("POST", "/tasks", text, kind="application/yaml").text_sent)


WAYS: dict[str, Callable[[Client, Path, Document], str]] = {
    "text": by_text,
    "fields": by_fields,
    "import": by_import,
    "command": by_command,
    "api": by_api,
    "api, yaml": by_api_in_yaml,
}


@pytest.mark.parametrize("way", WAYS)
def test_all_take_the_same_tasks_and_keep_them_alike(
    way: str, browser: Client, tmp_path: Path
) -> None:
    call = Caller(make_user("reference", role=Role.OPERATOR))
    for name, changes in GOOD.items():
        if (way, name) == ("fields", CONVERTED):
            continue  # its text is converted as it is read, and no form is made of it before
        document = BASE | changes
        assert call("POST", "/tasks", document).status_code == 201, name
        wanted = Task.objects.get().spec
        Task.objects.all().delete()
        answer = WAYS[way](browser, tmp_path, document)
        assert Task.objects.exists(), (name, answer)
        assert Task.objects.get().spec == wanted, name
        Task.objects.all().delete()
        _forget_callers()


@pytest.mark.parametrize("way", WAYS)
def test_all_refuse_the_same_tasks(way: str, browser: Client, tmp_path: Path) -> None:
    for name, (changes, _) in BAD.items():
        WAYS[way](browser, tmp_path, BASE | changes)
        assert not Task.objects.exists(), name
        _forget_callers()


def test_api_and_command_tell_the_same_of_each(browser: Client, tmp_path: Path) -> None:
    for name, (changes, place) in BAD.items():
        document = BASE | changes
        problems = json.loads(by_api(browser, tmp_path, document))["error"]["problems"]
        told = by_command(browser, tmp_path, document)
        assert place in [problem["path"] for problem in problems], (name, problems)
        for problem in problems:
            assert problem["message"] in told, name
            assert problem["hint"] in told, name
        _forget_callers()


def _forget_callers() -> None:
    User.objects.filter(username="program").delete()
