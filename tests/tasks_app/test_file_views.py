import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments_app.models import Experiment, Measurement
from experiments_app.results import RunResults
from tasks_app.models import Task, TaskVersion
from tasks_app.taskfile import dump_document
from tests.factories import completed_task, failed_task, make_task, task_data

pytestmark = pytest.mark.django_db


def text_of(**changes: Any) -> str:
    return dump_document(task_data(**changes))


def words_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def body_of(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def read(browser: Client, pasted: str = "", *files: SimpleUploadedFile) -> Any:
    return browser.post("/tasks/import", {"action": "read", "pasted": pasted, "files": list(files)})


def save(browser: Client, *texts: str, action: str = "save", **fields: Any) -> Any:
    chosen = [str(index) for index in range(len(texts))]
    sent = {"text": list(texts), "source": ["pasted"] * len(texts), "chosen": chosen}
    return browser.post("/tasks/import", sent | fields | {"action": action})


# Import


def test_it_shows_what_a_pasted_task_says_and_saves_nothing_yet(browser: Client) -> None:
    text = words_of(read(browser, text_of(task_name="mine")))
    assert "Nothing is saved yet" in text
    assert "the baseline and 12 experiments" in text
    assert "highest throughput" in text
    assert not Task.objects.exists()


def test_it_imports_it_with_the_user_and_shows_the_task(browser: Client) -> None:
    response = save(browser, text_of(task_name="mine"))
    task = Task.objects.get(name="mine")
    assert response.url == f"/tasks/{task.pk}/"
    assert task.created_by is not None
    assert task.versions.get().kind == TaskVersion.Kind.IMPORTED


def test_it_takes_several_files_and_several_documents_in_one(browser: Client) -> None:
    several = f"{text_of(task_name='one')}---\n{text_of(task_name='two')}"
    files = (
        SimpleUploadedFile("several.yaml", several.encode()),
        SimpleUploadedFile("three.json", json.dumps(task_data(task_name="three")).encode()),
    )
    text = words_of(read(browser, "", *files))
    assert "All 3 are ready" in text
    assert "several.yaml" in text
    assert "three.json" in text


def test_it_lists_every_problem_with_its_line_and_keeps_the_text(browser: Client) -> None:
    pasted = text_of(task_name="mine", parameters={"treads": [1, 2], "parallel": ["many"]})
    response = read(browser, pasted)
    text = words_of(response)
    assert "2 problems" in text
    assert "line" in text
    assert "Did you mean &#x27;threads&#x27;?" in text
    assert "treads: [1, 2]" in response.content.decode()


def test_it_does_not_save_what_has_problems_and_says_so(browser: Client) -> None:
    response = save(browser, text_of(task_name="good"), "nonsense: 1")
    assert response.status_code == 422
    assert "Nothing was imported." in words_of(response)
    assert not Task.objects.exists()


def test_it_saves_the_good_ones_when_the_others_are_left_out(browser: Client) -> None:
    response = save(browser, text_of(task_name="good"), "nonsense: 1", chosen=["0"])
    assert response.status_code == 302
    assert Task.objects.get().name == "good"


def test_it_wants_something_chosen(browser: Client) -> None:
    response = save(browser, text_of(), chosen=[])
    assert response.status_code == 422
    assert "Choose at least one" in words_of(response)


def test_it_offers_a_free_name_where_the_name_is_taken(browser: Client) -> None:
    make_task(task_name="mine")
    text = words_of(read(browser, text_of(task_name="mine")))
    assert 'value="mine (2)"' in text
    assert "already, so this one gets a free name" in text


def test_it_refuses_a_taken_name_at_its_field(browser: Client) -> None:
    make_task(task_name="mine")
    fields = {"name-0": "mine", "default-name-0": "other"}
    response = save(browser, text_of(task_name="other"), **fields)
    assert response.status_code == 422
    assert "is free" in words_of(response)
    assert Task.objects.count() == 1


def test_a_name_mended_in_the_text_counts_when_the_field_was_left_alone(browser: Client) -> None:
    fields = {"name-0": "old", "default-name-0": "old"}
    save(browser, text_of(task_name="new"), **fields)
    assert Task.objects.get().name == "new"


def test_it_asks_for_masked_secrets_and_never_shows_one(browser: Client) -> None:
    task = make_task(task_name="mine", environment={"HF_TOKEN": "hf_very_secret"})
    exported = browser.get(f"/tasks/{task.pk}/export").content.decode()
    assert "hf_very_secret" not in exported
    shown = read(browser, exported).content.decode()
    assert 'name="secret-0-environment.HF_TOKEN"' in shown
    again = {"secret-0-environment.HF_TOKEN": "hf_given_again"}
    checked = save(browser, exported, action="check", **again).content.decode()
    assert "hf_given_again" not in checked
    save(browser, exported, **again)
    assert Task.objects.get(name="mine (2)").environment == {"HF_TOKEN": "hf_given_again"}


def test_it_tells_each_conversion_of_a_file_of_the_replaced_system(browser: Client) -> None:
    old = {
        "task_name": "old",
        "deployment_mode": "local",
        "base_runtime": "llamacpp",
        "model": {"id_or_path": "smollm2-135m", "namespace": "autotuner"},
        "parameters": {"threads": {"type": "choice", "values": [1, 2]}},
        "optimization": {"strategy": "grid_search", "objective": "minimize_latency"},
        "slo": {"ttft": {"threshold": 1.0, "weight": 2.0}},
        "benchmark": {"traffic_scenarios": ["D(100", "100)"], "max_time_per_iteration": 5},
    }
    text = words_of(read(browser, json.dumps(old)))
    for told in (
        "there are no Kubernetes namespaces",
        "read as ttft_mean_s: 1.0",
        "read as max_minutes_per_level",
        "is mended to",
    ):
        assert told in text
    assert "Ready" in text


@pytest.fixture
def old_database(tmp_path: Path) -> bytes:
    path = tmp_path / "autotuner.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE TABLE tasks (id INTEGER PRIMARY KEY, task_name TEXT, base_runtime TEXT,"
            " deployment_mode TEXT, model_config JSON, parameters JSON)"
        )
        for name, parameters in (("good", '{"threads": [1, 2]}'), ("torn", '{"threads": [1,')):
            database.execute(
                "INSERT INTO tasks (task_name, base_runtime, deployment_mode, model_config,"
                " parameters) VALUES (?, 'llamacpp', 'local', ?, ?)",
                (name, '{"id_or_path": "smollm2-135m"}', parameters),
            )
        database.commit()
    return path.read_bytes()


def test_it_shows_each_task_of_the_replaced_systems_database(
    browser: Client, old_database: bytes
) -> None:
    text = words_of(read(browser, "", SimpleUploadedFile("autotuner.db", old_database)))
    assert "1 of 2 can be imported" in text
    assert "good" in text
    assert "torn" in text


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("latin.yaml", b"task_name: \xe9", "is not UTF-8 text"),
        ("empty.yaml", b"", "is empty"),
        ("broken.db", b"SQLite format 3\x00" + b"x" * 100, "holds no tasks"),
        ("huge.yaml", b"x" * 1_000_001, "larger than 1,000,000 characters"),
    ],
)
def test_it_says_what_is_wrong_with_a_file_and_keeps_what_was_pasted(
    browser: Client, name: str, content: bytes, told: str
) -> None:
    response = read(browser, "pasted: before", SimpleUploadedFile(name, content))
    assert response.status_code == 422
    assert told in words_of(response)
    assert "pasted: before" in response.content.decode()


def test_a_database_that_computes_for_ever_is_given_up(
    browser: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks_app.legacy_database.TIME_LIMIT_S", 0.2)
    path = tmp_path / "endless.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE VIEW tasks AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)"
            " SELECT id FROM n"
        )
        database.commit()
    response = read(browser, "", SimpleUploadedFile("endless.db", path.read_bytes()))
    assert response.status_code == 422
    assert "interrupted" in words_of(response)


def test_it_wants_a_file_or_a_text(browser: Client) -> None:
    response = read(browser)
    assert response.status_code == 422
    assert "Choose a file, or paste" in words_of(response)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1, 2]\nb: *x",
        "a: !!python/object/apply:os.system [echo]",
        "[" * 10_000,
        "\x00",
        "task_name: <script>alert(1)</script>",
        "parameters: {" + ", ".join(f"p{n}: [1]" for n in range(20_000)) + "}",
        "null",
        "42",
        '"text"',
    ],
)
def test_it_answers_to_a_malicious_text_with_its_problems(browser: Client, text: str) -> None:
    response = read(browser, text)
    assert response.status_code in {200, 422}
    assert "<script>alert" not in response.content.decode()
    assert not Task.objects.exists()


def test_too_many_documents_are_refused(browser: Client) -> None:
    response = read(browser, "---\na: 1\n" * 51)
    assert "at most 50" in words_of(response)


def test_too_large_an_upload_gets_a_page_that_says_the_limit(
    browser: Client, settings: LazySettings
) -> None:
    settings.MAX_UPLOAD_BYTES = 1_000
    response = read(browser, "", SimpleUploadedFile("a.yaml", b"x" * 2_000))
    assert response.status_code == 413
    assert "too much at once" in words_of(response)


def test_too_large_a_form_gets_the_same_page(browser: Client, settings: LazySettings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    assert read(browser, "x" * 2_000).status_code == 413


# Export


def test_it_exports_yaml_and_json_under_the_tasks_name(browser: Client) -> None:
    task = make_task(task_name="Llama 3.2 / 1B")
    as_yaml = browser.get(f"/tasks/{task.pk}/export")
    assert 'filename="llama-32-1b.yaml"' in as_yaml["Content-Disposition"]
    assert as_yaml.content.decode().startswith("task_name: Llama 3.2 / 1B")
    as_json = browser.get(f"/tasks/{task.pk}/export?format=json")
    assert json.loads(as_json.content)["task_name"] == "Llama 3.2 / 1B"


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_what_it_exports_it_imports_as_the_same_task(browser: Client, ending: str) -> None:
    task = make_task(slo={"ttft_p99_s": 0.5}, description="on: off\n# no comment\ttab\n")
    exported = browser.get(f"/tasks/{task.pk}/export?format={ending}").content.decode()
    name = task.name
    task.delete()
    save(browser, exported)
    again = Task.objects.get()
    assert again.spec == task.spec
    assert again.name == name


def test_it_exports_several_tasks_into_one_file(browser: Client) -> None:
    tasks = [make_task(task_name=f"task {number}") for number in range(3)]
    query = "&".join(f"task={task.pk}" for task in (tasks[0], tasks[2]))
    exported = browser.get(f"/tasks/export?{query}").content.decode()
    Task.objects.all().delete()
    text = words_of(read(browser, exported))
    assert "All 2 are ready" in text
    assert "task 2" in text


def test_it_exports_what_was_ticked_in_the_list(browser: Client) -> None:
    tasks = [make_task(task_name=f"task {number}") for number in range(2)]
    response = browser.post("/tasks/export", {"task": [tasks[0].pk, tasks[1].pk]})
    assert response.content.decode().count("task_name:") == 2


def test_it_says_that_nothing_was_selected(browser: Client) -> None:
    make_task()
    response = browser.get("/tasks/export?task=9999&task=x", follow=True)
    assert "Select at least one task first." in words_of(response)


# Results


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body_of(response))))


def test_it_sends_every_measurement_as_csv(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    Measurement.objects.filter(experiment__number=1).update(
        conditions={
            "steadiness": {"verdict": "steady", "figure": "", "change": 0.0},
            "intervals": {"ttft_p99_s": [0.5, None]},
        }
    )
    response = browser.get(f"/tasks/{task.pk}/results.csv")
    assert "-run-1.csv" in response["Content-Disposition"]
    rows = rows_of(response)
    assert [row["number"] for row in rows] == ["0", "1"]
    assert rows[1]["threads"] == "1"
    assert float(rows[1]["output_tokens_per_s"]) == 60.0
    assert [row["steadiness"] for row in rows] == ["", "steady"]
    assert (rows[1]["ttft_p99_s_lower"], rows[1]["ttft_p99_s_upper"]) == ("0.5", "")
    assert "intervals" not in json.loads(rows[1]["conditions"])


def test_it_sends_the_same_json_as_the_command(browser: Client) -> None:
    task = completed_task()
    sent = json.loads(body_of(browser.get(f"/tasks/{task.pk}/results.json")))
    assert sent == json.loads(json.dumps(RunResults(task).to_data()))


def test_an_experiment_without_measurements_says_why(browser: Client) -> None:
    task = failed_task()
    rows = rows_of(browser.get(f"/tasks/{task.pk}/results.csv"))
    assert {row["error_kind"] for row in rows} == {"model_not_found"}


def test_no_cell_is_taken_for_a_formula(browser: Client) -> None:
    task = completed_task((50.0,), task_name="=HYPERLINK(1)")
    Experiment.objects.update(parameters={"+flag": "@SUM(1)", "n": -1})
    (row,) = rows_of(browser.get(f"/tasks/{task.pk}/results.csv"))
    assert (row["task"], row["'+flag"], row["n"]) == ("'=HYPERLINK(1)", "'@SUM(1)", "-1")


def test_it_sends_the_run_that_was_asked_for(browser: Client) -> None:
    task = completed_task((50.0, 60.0))
    task.restart()
    assert len(rows_of(browser.get(f"/tasks/{task.pk}/results.csv?run=1"))) == 2
    assert rows_of(browser.get(f"/tasks/{task.pk}/results.csv")) == []
    for run in ("3", "x", "-1", "9" * 30):
        assert browser.get(f"/tasks/{task.pk}/results.csv?run={run}").status_code == 404


def test_it_reads_many_experiments_a_page_at_a_time(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments_app.results.PAGE", 2)
    task = completed_task((50.0, 60.0, 70.0, 80.0, 90.0))
    with CaptureQueriesContext(connection) as queries:
        assert len(rows_of(browser.get(f"/tasks/{task.pk}/results.csv"))) == 5
    assert not any('"samples"' in query["sql"] for query in queries)
