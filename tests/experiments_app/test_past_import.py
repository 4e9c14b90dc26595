"""Results of another site feed the memory, once, and say what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from experiments_app.lifecycle import start_task
from experiments_app.past_import import import_results
from experiments_app.recollection import memory_of, sources_of
from experiments_app.results import RunResults
from tasks_app.models import PastResults, Task
from tasks_app.problems import SpecError
from tests.factories import completed_task, make_task, make_user

PAGE = "/tasks/import-results"
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


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def sent(client: Client, *contents: bytes) -> Any:
    files = [SimpleUploadedFile(f"{n}.json", one) for n, one in enumerate(contents)]
    return client.post(PAGE, {"action": "read", "files": files})


def hidden(page: Any) -> dict[str, Any]:
    """What the preview's form sends back."""
    previews = page.context["previews"]
    return {"text": [one.text for one in previews], "source": [one.source for one in previews]}


def test_the_page_shows_what_a_file_holds_and_stores_nothing(
    client: Client, exported: dict[str, Any]
) -> None:
    task = make_task()
    page = sent(client, content(exported | {"site": "lab-7"}))
    told = " ".join(page.content.decode().split())
    for text in ("lab-7", exported["task"], "smollm2-135m", "the baseline", "1 task of this site"):
        assert text in told
    assert not PastResults.objects.exists()
    assert Task.objects.get() == task


def test_the_page_stores_what_was_shown_lists_and_forgets_it(
    client: Client, exported: dict[str, Any]
) -> None:
    page = sent(client, content(exported | {"site": "lab-7"}))
    client.post(PAGE, {"action": "save", "chosen": ["0"], **hidden(page)})
    stored = PastResults.objects.get()
    assert (stored.name, stored.site) == (exported["task"], "lab-7")
    assert import_results(content(exported)) == (stored, False)
    assert exported["task"] in client.get(PAGE).content.decode()
    client.post(PAGE, {"forget": stored.pk})
    assert not PastResults.objects.exists()


def test_the_page_tells_the_problems_of_a_file_and_takes_the_others(
    client: Client, exported: dict[str, Any]
) -> None:
    page = sent(client, content(exported | {"run": 0}), content(exported))
    assert [one.can_be_stored for one in page.context["previews"]] == [False, True]
    assert "<code>run</code>" in page.content.decode()
    client.post(PAGE, {"action": "save", "chosen": ["1"], **hidden(page)})
    assert PastResults.objects.count() == 1


def test_the_page_says_that_results_are_known_and_offers_no_import(
    client: Client, exported: dict[str, Any]
) -> None:
    import_results(content(exported))
    told = sent(client, content(exported)).content.decode()
    assert "Known already" in told
    assert 'value="save"' not in told


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action": "read"},
        {"action": "save"},
        {"action": "save", "text": ["{}"], "chosen": ["0"]},
        {"action": "save", "text": ["nonsense"], "chosen": ["x", "-1", "9"]},
    ],
)
def test_the_page_stores_nothing_when_there_is_nothing_to_store(
    client: Client, data: dict[str, Any]
) -> None:
    assert client.post(PAGE, data).status_code == 422
    assert not PastResults.objects.exists()
