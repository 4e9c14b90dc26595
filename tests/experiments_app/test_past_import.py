"""Results of another site feed the memory, once, and say what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from experiments_app.lifecycle import start_task
from experiments_app.past_import import import_results
from experiments_app.recollection import memory_of, sources_of
from experiments_app.results import RunResults
from tasks_app.models import PastResults, Task
from tasks_app.problems import SpecError
from tests.factories import completed_task, make_task, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def exported() -> dict[str, Any]:
    """Of a task of another site, which is not here."""
    task = completed_task(environment={"MY_TOKEN": "planted-secret"}, use_gpus=False)
    data: dict[str, Any] = json.loads(json.dumps(RunResults(task).to_data()))
    task.delete()
    return data


def content(data: object) -> bytes:
    return json.dumps(data).encode()


def test_what_is_exported_carries_the_facts_and_no_secret(exported: dict[str, Any]) -> None:
    assert exported["facts"]["model"] == "smollm2-135m"
    assert exported["facts"]["input_tokens"] == 100
    assert "planted-secret" not in json.dumps(exported)


def test_a_run_learns_from_imported_results_and_says_so(exported: dict[str, Any]) -> None:
    import_results(content(exported))
    task = make_task()
    start_task(task, wake_consumer=False)
    run = task.runs.get()
    (source,) = sources_of(run)
    assert (source.name, source.imported, source.task) == (exported["task"], True, None)
    assert len(memory_of(run).tasks[0].trials) == len(exported["experiments"]) - 1


def test_importing_twice_changes_nothing(exported: dict[str, Any]) -> None:
    assert import_results(content(exported))[1] is True
    assert import_results(content(exported))[1] is False
    assert PastResults.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"objective": "be fast"}, "objective"),
        ({"run": 0}, "run"),
        ({"facts": {"runtime": 5}}, "facts.runtime"),
        ({"experiments": []}, "experiments"),
        ({"experiments": [{"number": 1}]}, "experiments"),
    ],
)
def test_it_says_where_a_file_is_wrong(
    exported: dict[str, Any], change: dict[str, Any], place: str
) -> None:
    with pytest.raises(SpecError, match=place):
        import_results(content(exported | change))
    assert not PastResults.objects.exists()


def test_it_says_that_a_file_of_an_older_version_lacks_the_facts(exported: dict[str, Any]) -> None:
    del exported["facts"]
    with pytest.raises(SpecError, match="older version"):
        import_results(content(exported))


@pytest.mark.parametrize("text", [b"", b"\xff", b"[1]", b"task: yaml", b"NaN", b"null"])
def test_it_refuses_what_are_no_results(text: bytes) -> None:
    with pytest.raises(SpecError):
        import_results(text)


def test_the_command_imports(exported: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content(exported))
    call_command("import_results", str(path))
    assert PastResults.objects.get().name == exported["task"]


def test_the_page_imports_lists_and_forgets(exported: dict[str, Any], tmp_path: Path) -> None:
    client = Client()
    client.force_login(make_user())
    path = tmp_path / "results.json"
    path.write_bytes(content(exported))
    with path.open("rb") as file:
        client.post("/tasks/import-results", {"file": file})
    assert exported["task"] in client.get("/tasks/import-results").content.decode()
    client.post("/tasks/import-results", {"forget": PastResults.objects.get().pk})
    assert not PastResults.objects.exists()
    assert not Task.objects.exists()
