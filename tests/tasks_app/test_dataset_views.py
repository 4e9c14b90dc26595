"""The pages of data sets: adding one, choosing its columns, looking at it, removing it."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from autotuner_site.roles import Role
from autotuner_site.uploads import limit_of
from experiments_app.datasets import taking
from tasks_app.models import AuditEntry, Dataset
from tests.data_sets import make_dataset, taken
from tests.factories import make_task, make_user

pytestmark = pytest.mark.django_db
LINES = b'{"prompt": "Why?"}\n{"prompt": "How?"}\n'


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Jobs that would be run by the consumer are run at once."""
    jobs: list[int] = []

    def run(pk: int) -> None:
        jobs.append(pk)
        taking.take(pk)

    monkeypatch.setattr("tasks_app.views.datasets.wake_dataset", run)
    return jobs


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user(role=Role.OPERATOR))
    return client


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def send(client: Client, content: bytes = LINES, name: str = "x.jsonl", **fields: str) -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post("/datasets/new", {"file": file, **fields}, follow=True)


def test_a_file_is_sent_taken_and_shown(operator: Client, woken: list[int]) -> None:
    shown = text_of(send(operator, name="mine.jsonl", description="of our own"))
    dataset = Dataset.objects.get(name="mine")
    assert woken == [dataset.pk]
    for text in ("Ready", "of our own", "Why?", dataset.sha256, "no task", "<rect"):
        assert text in shown
    assert AuditEntry.objects.filter(action="dataset.created", object_name="mine").exists()
    assert "mine" in text_of(operator.get("/datasets/"))


def test_a_large_file_of_an_operator_may_be_larger_than_a_form(
    operator: Client, woken: list[int], settings: Any, rf: RequestFactory
) -> None:
    settings.MAX_UPLOAD_BYTES = 1_000
    settings.DATASET_MIB = 1
    many = LINES * 200
    assert send(operator, many, name="many.jsonl").status_code == 200
    assert Dataset.objects.get(name="many").rows == 400
    assert send(operator, b"x" * 3_000_000, name="more.txt").status_code == 413
    request = rf.post("/datasets/new")  # which is read before the role is looked at
    request.user = make_user("viewer", role=Role.VIEWER)
    assert limit_of(request) == 1_000
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "one of the two"),
        ({"url": "ftp://example.org/x"}, "https:// or http://"),
        ({"url": "http://user:secret@example.org/x"}, "no name and no password"),
        ({"url": "https://1.1.1.1/x", "name": "taken"}, "already"),
        ({"url": "https://1.1.1.1/x", "format": "exe"}, "valid choice"),
    ],
)
def test_what_cannot_be_added_is_told_on_the_form(
    operator: Client, woken: list[int], fields: dict[str, str], why: str
) -> None:
    make_dataset("taken")
    response = operator.post("/datasets/new", fields)
    assert response.status_code == 422
    assert why in text_of(response)
    assert woken == []


def test_an_address_inside_fails_on_its_page(operator: Client, woken: list[int]) -> None:
    response = operator.post(
        "/datasets/new", {"url": "http://169.254.169.254/x?key=abc"}, follow=True
    )
    shown = text_of(response)
    assert "TASK_HOSTS" in shown
    assert "Fetch again" in shown
    assert "key=abc" not in shown
    dataset = Dataset.objects.get()
    operator.post(f"/datasets/{dataset.pk}/retry")
    assert woken == [dataset.pk] * 2
    assert AuditEntry.objects.filter(action="dataset.fetched_again").exists()
    assert not AuditEntry.objects.filter(details__icontains="abc").exists()


def test_the_column_is_chosen_with_its_first_values_in_view(
    operator: Client, woken: list[int]
) -> None:
    shown = text_of(send(operator, b"question,reply\nwhy,because\nhow,so\n", "x.csv"))
    assert "because" in shown
    assert '<option value="question" selected>' in shown
    dataset = Dataset.objects.get()
    path = f"/datasets/{dataset.pk}/columns"
    same = operator.post(path, {"prompt_column": "reply", "answer_column": "reply"})
    assert (same.status_code, "columns of their own" in text_of(same)) == (422, True)
    assert operator.post(path, {"prompt_column": "id"}).status_code == 422
    shown = text_of(operator.post(path, {"prompt_column": "reply"}, follow=True))
    assert "prompts from" in shown
    dataset.refresh_from_db()
    assert (dataset.status, dataset.prompt_column, dataset.answers) == ("ready", "reply", 0)
    assert AuditEntry.objects.get(action="dataset.columns_chosen").object_name == dataset.name
    assert "nothing to choose" in text_of(operator.post(path, {}, follow=True))


def test_a_page_follows_as_long_as_there_is_something_to_wait_for(operator: Client) -> None:
    dataset = Dataset.objects.create(name="slow", source="https://example.org/x", is_remote=True)
    dataset.begin()
    dataset.note(5_000_000, 10_000_000)
    part = operator.get(f"/datasets/{dataset.pk}/", headers={"HX-Request": "true"})
    assert 'data-hx-trigger="every 2s"' in text_of(part)
    assert 'value="50"' in text_of(part)
    assert "<html" not in text_of(part)
    shown = text_of(operator.post(f"/datasets/{dataset.pk}/cancel", follow=True))
    assert AuditEntry.objects.get(action="dataset.cancelled").who == "ada"
    assert "It was cancelled." in shown
    assert "data-hx-trigger" not in shown
    assert "had ended already" in text_of(
        operator.post(f"/datasets/{dataset.pk}/cancel", follow=True)
    )


def test_one_that_a_task_names_stays(operator: Client) -> None:
    dataset = make_dataset("needed")
    data = {"benchmark": {"dataset": "needed", "num_concurrency": [1]}}
    task = make_task(**data)
    path = f"/datasets/{dataset.pk}/remove"
    assert task.name in text_of(operator.get(path))
    assert operator.post(path).status_code == 409
    assert dataset.folder.exists()
    task.delete()
    assert operator.post(path).status_code == 302
    assert not Dataset.objects.exists()
    assert not dataset.folder.exists()


def test_files_that_are_gone_are_told(operator: Client) -> None:
    dataset = make_dataset()
    (dataset.folder / "prompts.json").unlink()
    assert "gone or broken" in text_of(operator.get(f"/datasets/{dataset.pk}/"))


def test_text_of_a_data_set_is_shown_as_text(operator: Client) -> None:
    dataset = taken(b'{"prompt": "<script>alert(1)</script>\\u0000"}')
    shown = text_of(operator.get(f"/datasets/{dataset.pk}/"))
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown


def test_a_viewer_looks_and_changes_nothing(client: Client) -> None:
    client.force_login(make_user(role=Role.VIEWER))
    dataset = make_dataset()
    shown = text_of(client.get(f"/datasets/{dataset.pk}/"))
    assert "Why is the sky blue?" in shown
    assert "/remove" not in shown
    assert client.post(f"/datasets/{dataset.pk}/remove").status_code == 403
    assert client.post("/datasets/new", {"file": io.BytesIO(LINES)}).status_code == 403
