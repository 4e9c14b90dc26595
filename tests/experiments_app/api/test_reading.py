"""What the API gives to read besides tasks: experiments, results, logs, catalogues, the site."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from autotuner_site.roles import Role
from experiments_app import task_log
from experiments_app.api.docs_page import _calls
from experiments_app.api.examples import TASK_FILE
from experiments_app.api.site_api import api
from experiments_app.html_report.page import report_html
from experiments_app.models import Experiment
from experiments_app.results import RunResults
from tasks_app.problems import SpecError
from tasks_app.runtimes import site_runtimes
from tasks_app.spec import validate_spec
from tests import factories
from tests.experiments_app.api.callers import Caller, caller, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> Caller:
    return caller(Role.VIEWER)


def test_experiments_are_those_of_the_results(call: Caller) -> None:
    task = factories.completed_task((10.0, 12.0, 14.0))
    found = call("GET", f"/tasks/{task.pk}/experiments").data["items"]
    wanted = json.loads(json.dumps(RunResults(task).to_data()))["experiments"]
    assert [{key: one[key] for key in wanted[0]} for one in found] == wanted
    alone = call("GET", f"/experiments/{found[1]['id']}").data
    assert alone == found[1]
    rows = call("GET", f"/experiments/{found[1]['id']}/measurements").data["items"]
    assert rows == alone["measurements"]
    assert rows[0]["output_tokens_per_s"] == 12.0


def test_experiments_are_filtered(call: Caller) -> None:
    task, failed = factories.completed_task((10.0, 12.0)), factories.failed_task()
    assert call("GET", f"/experiments?task={task.pk}").data["count"] == 2
    assert call("GET", "/experiments?status=failed").data["count"] == 3
    assert call("GET", "/experiments?feasible=true").data["count"] == 2
    assert call("GET", f"/tasks/{failed.pk}/experiments?status=success").data["count"] == 0
    assert refusal(call("GET", f"/tasks/{task.pk}/experiments?run=7"))[:2] == (404, "not_found")
    assert refusal(call("GET", "/experiments?run=0")) == (422, "invalid", ["run"])


def test_results_are_those_of_the_export(call: Caller) -> None:
    task = factories.completed_task((10.0, 12.0))
    assert call("GET", f"/tasks/{task.pk}/results").data == json.loads(
        json.dumps(RunResults(task).to_data())
    )
    text = call("GET", f"/tasks/{task.pk}/results?format=csv&run=1").text_sent
    assert [row["number"] for row in csv.DictReader(io.StringIO(text))] == ["0", "1"]
    parquet = call("GET", f"/tasks/{task.pk}/results?format=parquet")
    assert parquet.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert parquet.text_sent.startswith("PAR1")
    assert refusal(call("GET", f"/tasks/{task.pk}/results?run=2"))[:2] == (404, "not_found")


def test_the_report_is_that_of_the_command(call: Caller) -> None:
    task = factories.completed_task((10.0, 12.0))
    answer = call("GET", f"/tasks/{task.pk}/report?run=1")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.text_sent == report_html(task)
    assert refusal(call("GET", f"/tasks/{task.pk}/report?run=2"))[:2] == (404, "not_found")
    pending = factories.make_task()
    assert refusal(call("GET", f"/tasks/{pending.pk}/report"))[:2] == (404, "not_found")


# Logs


def test_a_log_is_followed_to_its_end(call: Caller) -> None:
    task = factories.make_task()
    task.start()
    task_log.write(task.pk, "first", run=1)
    path = f"/tasks/{task.pk}/log"
    part = call("GET", path).data
    assert (part["text"].endswith("first\n"), part["finished"]) == (True, False)
    again = call("GET", f"{path}?offset={part['next_offset']}").data
    assert (again["text"], again["next_offset"]) == ("", part["next_offset"])
    task_log.write(task.pk, "zweites: ü", run=1)
    task.cancel()
    last = call("GET", f"{path}?offset={part['next_offset']}").data
    assert (last["text"].endswith("zweites: ü\n"), last["finished"]) == (True, True)
    assert last["offset"] == part["next_offset"]


def test_a_long_log_comes_in_parts_of_whole_lines(call: Caller) -> None:
    task = factories.make_task()
    for number in range(100):
        task_log.write(task.pk, f"line {number} ü", run=1)
    text, offset, finished = "", 0, False
    while not finished:
        part = call("GET", f"/tasks/{task.pk}/log?limit=1024&offset={offset}").data
        assert part["text"].endswith("\n")
        text, offset, finished = text + part["text"], part["next_offset"], part["finished"]
    assert text == task_log.path_of(task.pk).read_text()


def test_half_a_line_waits_for_its_end(call: Caller, tmp_path: Path) -> None:
    experiment = factories.running_task().experiments.get(number=4)
    log = tmp_path / "server.log"
    Experiment.objects.filter(pk=experiment.pk).update(log_path=str(log))
    log.write_bytes("ready\nhalf of ü".encode()[:-1])
    path = f"/experiments/{experiment.pk}/log"
    assert call("GET", path).data["text"] == "ready\n"
    log.write_bytes("ready\nhalf of ü\n".encode())
    assert call("GET", f"{path}?offset=6").data["text"] == "half of ü\n"


def test_a_log_that_was_cleared_begins_again(call: Caller) -> None:
    task = factories.make_task()
    task_log.write(task.pk, "x" * 500, run=1)
    task_log.clear(task.pk, run=1, who="ada")
    part = call("GET", f"/tasks/{task.pk}/log?offset=400").data
    assert (part["offset"], "cleared" in part["text"]) == (0, True)


def test_where_there_is_no_log_that_is_told(call: Caller) -> None:
    task = factories.completed_task((1.0,))
    task_log.path_of(task.pk).unlink(missing_ok=True)
    assert call("GET", f"/tasks/{task.pk}/log").data["text"] == ""
    experiment = task.experiments.get()
    assert refusal(call("GET", f"/experiments/{experiment.pk}/log"))[:2] == (404, "not_found")


# Catalogues


def test_every_runtime_is_there_with_its_flags(call: Caller) -> None:
    listed = {one["name"]: one for one in call("GET", "/runtimes").data["items"]}
    for runtime in site_runtimes():
        assert listed[runtime.name]["num_flags"] == len(runtime.flags)
        found = call("GET", f"/runtimes/{runtime.name}").data
        assert found["command"] == runtime.command
        flags = call("GET", f"/runtimes/{runtime.name}/flags").data["flags"]
        assert set(flags) == set(runtime.flags)
    response = call("GET", "/runtimes/vlm")
    assert refusal(response)[0] == 404
    assert "did you mean 'vllm'?" in response.data["error"]["message"]


def test_presets_are_as_in_their_files(call: Caller) -> None:
    own = factories.make_preset()
    listed = call("GET", "/presets?base_runtime=llamacpp").data["items"]
    assert f"own:{own.pk}" in [one["key"] for one in listed]
    assert {one["base_runtime"] for one in listed} == {"llamacpp"}
    found = call("GET", f"/presets/own:{own.pk}").data
    assert (found["parameters"], found["is_shipped"]) == ({"parallel": [1, 8]}, False)
    shipped = call("GET", "/presets?base_runtime=vllm").data["items"]
    assert shipped
    assert call("GET", f"/presets/{shipped[0]['key']}").data == shipped[0]
    assert refusal(call("GET", "/presets/own:4711"))[0] == 404


# The site


def test_it_says_of_the_system_what_the_page_does(call: Caller) -> None:
    found = call("GET", "/system").data
    assert found["checks"]["database"] == "ok"
    settings = {one["name"]: one for one in found["settings"]}
    assert settings["SECRET_KEY"]["value"] == "••••••••"
    assert {"HF_ENDPOINT", "AUTOTUNER_HOME"} <= set(settings)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("docker", "reachable"), ("gpus", "gpus"), ("containers", "containers"),
        ("images", "images"), ("models", "models"), ("storage", "rooms"),
    ],
)  # fmt: skip
def test_each_section_can_be_asked_for(call: Caller, section: str, key: str) -> None:
    found = call("GET", f"/system/{section}")
    assert found.status_code == 200
    assert key in found.data


def test_a_section_that_there_is_not_is_told(call: Caller) -> None:
    assert refusal(call("GET", "/system/secrets"))[:2] == (422, "invalid")


# What it says of itself


def test_its_document_is_for_whoever_is_signed_in(call: Caller) -> None:
    document = call("GET", "/openapi.json").data
    assert document["openapi"].startswith("3.1")
    assert refusal(Caller()("GET", "/openapi.json"))[0] == 401
    assert refusal(call("POST", "/openapi.json"))[0] == 405


def test_every_call_is_described_with_all_that_it_may_answer(call: Caller) -> None:
    document = call("GET", "/openapi.json").data
    names = set()
    for path, methods in document["paths"].items():
        assert "head" not in methods
        for method, operation in methods.items():
            names.add(operation["operationId"])
            assert operation["summary"], path
            assert {"401", "403", "500", "503"} <= set(operation["responses"])
            assert operation["x-role"] in {"none", "viewer", "operator"}
            assert ("404" in operation["responses"]) == ("{" in path and "section" not in path)
            if "requestBody" in operation:
                assert {"400", "413", "415", "422"} <= set(operation["responses"]), (path, method)
    assert len(names) == sum(len(methods) for methods in document["paths"].values())
    assert document["components"]["schemas"]["TaskFile"]["properties"]["slo"]


def test_its_example_is_a_task_that_can_be_run() -> None:
    try:
        validate_spec(TASK_FILE, catalogue=site_runtimes())
    except SpecError as error:
        pytest.fail(str(error))


def test_its_page_has_every_call_with_a_command_to_copy(client: Client) -> None:
    client.force_login(factories.make_user(role=Role.NONE))
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    document: Any = api.get_openapi_schema()
    calls = list(_calls(document, "http://host"))
    assert len(calls) == sum(len(methods) for methods in document["paths"].values())
    text = page.content.decode()
    for one in calls:
        assert f"<code>{one.method} {one.path}</code>" in text
        assert one.curl.startswith("curl")
        assert "{" not in one.curl.splitlines()[-1]
