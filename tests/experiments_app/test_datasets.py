"""Data sets on their way in, from a real server, and what a kill leaves behind."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from experiments_app.datasets import taking
from tasks_app.datasets.adding import add_address, add_parts, name_of
from tasks_app.datasets.errors import DatasetError
from tasks_app.datasets.storing import first_rows
from tasks_app.models import AuditEntry, Dataset
from tests.data_sets import make_dataset, taken
from tests.web_server import Web, endless, redirect, silent, web_server

pytestmark = pytest.mark.django_db
LINES = b'{"prompt": "Why?"}\n{"prompt": "How?"}\n'


@pytest.fixture
def web(settings: Any) -> Iterator[Web]:
    settings.TASK_HOSTS = ["127.0.0.1"]
    settings.DATASET_MIB = 1
    with web_server() as server:
        yield server


def root(settings: Any) -> Path:
    return Path(settings.HOME.datasets)


def left_behind(settings: Any) -> list[Path]:
    return list((root(settings) / "incoming").glob("*"))


def fetched(url: str, **options: Any) -> Dataset:
    dataset = add_address(url, **options)
    taking.take(dataset.pk)
    dataset.refresh_from_db()
    return dataset


def test_an_address_is_fetched_and_kept(web: Web, settings: Any) -> None:
    web.files["/p.jsonl?key=secret"] = LINES
    web.ways["/old"] = redirect("/p.jsonl?key=secret")
    dataset = fetched(web.url("/old"), name="mine")
    assert (dataset.status, dataset.rows, dataset.prompt_column) == ("ready", 2, "prompt")
    assert first_rows(dataset.folder, 5) == [("Why?", None), ("How?", None)]
    assert dataset.lengths["prompts"]["tokens"]["p50"] >= 2
    assert dataset.lengths["counted_by"] == "smollm2-135m"
    assert left_behind(settings) == []
    assert AuditEntry.objects.filter(action="dataset.taken", object_name="mine").exists()


def test_what_follows_in_an_address_is_forgotten_once_it_is_there(web: Web) -> None:
    web.files["/p.jsonl?key=secret"] = LINES
    dataset = fetched(web.url("/p.jsonl?key=secret"))
    assert dataset.name == "p"
    assert dataset.source == web.url("/p.jsonl")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/stream", "longer than the 1 MiB"),
        ("/inside", "TASK_HOSTS"),
        ("/file", "https:// or http://"),
        ("/loop", "More than 5 redirects"),
        ("/none", "status 404"),
    ],
)
def test_what_cannot_be_fetched_fails_with_the_reason(
    web: Web, settings: Any, path: str, why: str
) -> None:
    web.ways |= {
        "/stream": endless,
        "/inside": redirect("http://169.254.169.254/latest/meta-data/"),
        "/file": redirect("file:///etc/passwd"),
        "/loop": redirect("/loop"),
    }
    dataset = fetched(web.url(path))
    assert dataset.status == Dataset.Status.FAILED
    assert why in dataset.message
    assert left_behind(settings) == []


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/x.csv", "http://localhost/x", "http://[::1]/x"]
)
def test_an_address_inside_is_not_asked(url: str) -> None:
    dataset = fetched(url)
    assert dataset.status == Dataset.Status.FAILED
    assert "TASK_HOSTS" in dataset.message


def test_a_failed_one_can_be_fetched_again(web: Web) -> None:
    dataset = fetched(web.url("/late.txt"))
    web.files["/late.txt"] = b"one\ntwo\n"
    dataset.try_again()
    taking.take(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.status, dataset.rows, dataset.message) == ("ready", 2, "")


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_one_stops_while_nothing_comes(
    web: Web, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "NOTE_EVERY_S", 0.05)
    web.ways["/silent"] = silent
    dataset = add_address(web.url("/silent"))
    thread = threading.Thread(target=taking.take, args=(dataset.pk,))
    thread.start()
    while not web.asked:
        thread.join(0.01)
    dataset.refresh_from_db()
    assert taking.cancel(dataset)
    thread.join(20)
    assert not thread.is_alive()
    dataset.refresh_from_db()
    assert dataset.status == Dataset.Status.FAILED
    assert left_behind(settings) == []


def test_what_a_dead_worker_left_is_given_up_and_swept(web: Web, settings: Any) -> None:
    dataset = add_address(web.url("/x"))
    assert dataset.begin()
    dataset.incoming.mkdir(parents=True)
    (dataset.incoming / "raw").write_bytes(b"half")
    woken: list[int] = []
    taking.mend(woken.append)
    dataset.refresh_from_db()
    assert dataset.status == Dataset.Status.TAKING  # somebody may be at it
    Dataset.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    (root(settings) / ("0" * 64)).mkdir()  # killed between keeping and noting
    taking.mend(woken.append)
    dataset.refresh_from_db()
    assert dataset.status == Dataset.Status.FAILED
    assert left_behind(settings) == []
    assert not (root(settings) / ("0" * 64)).exists()
    assert woken == []


def test_what_waits_is_woken_again() -> None:
    dataset = add_address("https://1.1.1.1/x")
    woken: list[int] = []
    taking.mend(woken.append)
    assert woken == [dataset.pk]


def test_a_second_job_for_the_same_does_nothing(web: Web) -> None:
    web.files["/p.jsonl"] = LINES
    dataset = fetched(web.url("/p.jsonl"))
    taking.take(dataset.pk)
    taking.take(dataset.pk + 1_000)
    assert web.asked == ["GET /p.jsonl"]


def test_a_column_is_asked_for_and_then_the_rows_are_taken(settings: Any) -> None:
    dataset = taken(b"q,a\nwhy,because\nhow,so\n", "x.csv", name="asked")
    assert (dataset.status, dataset.columns) == ("choosing", ["q", "a"])
    dataset.choose("q", "a")
    taking.take(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.status, dataset.rows, dataset.answers) == ("ready", 2, 2)
    assert left_behind(settings) == []


def test_a_broken_file_fails_with_its_line(settings: Any) -> None:
    dataset = taken(b'{"prompt": "x"}\n{"prompt": \n')
    assert "Line 2 is no JSON" in dataset.message
    assert left_behind(settings) == []


def test_a_file_beyond_the_bound_is_not_kept(settings: Any) -> None:
    settings.DATASET_MIB = 1
    with pytest.raises(DatasetError, match="DATASET_MIB"):
        add_parts(iter([b"x" * 600_000] * 3), "x.txt")
    with pytest.raises(DatasetError, match="empty"):
        add_parts([], "x.txt")
    assert left_behind(settings) == []
    assert not Dataset.objects.exists()


def test_a_name_stands_once(settings: Any) -> None:
    make_dataset("mine")
    with pytest.raises(DatasetError, match="'mine' already"):
        add_parts([LINES], "x.jsonl", "mine")
    with pytest.raises(DatasetError, match="control character"):
        add_parts([LINES], "x.jsonl", "a\nb")
    assert left_behind(settings) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [("/a/prompts.jsonl.gz", "prompts"), ("x.tar.gz", "x"), ("..", ".."), ("", "data set")],
)
def test_a_data_set_is_called_as_its_file(path: str, name: str) -> None:
    assert name_of(path) == name


def test_removing_one_of_two_with_the_same_prompts_keeps_the_files() -> None:
    first, second = make_dataset("one"), make_dataset("two")
    assert first.folder == second.folder
    taking.remove(first)
    assert second.folder.exists()
    taking.remove(second)
    assert not second.folder.exists()


# The command


def test_the_command_takes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps([{"messages": [{"role": "user", "content": "Hi"}]}]))
    out = StringIO()
    call_command("import_dataset", str(path), "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["name"], told["rows"]) == ("talk", 1)


@pytest.mark.parametrize(
    ("content", "code", "why"),
    [("q,a\nx,y\n", 2, "--prompt-column: q, a"), ("q\n1,2\n", 1, "Line 2 has 2 fields")],
)
def test_what_the_command_cannot_take_is_not_kept(
    tmp_path: Path, content: str, code: int, why: str, settings: Any
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)
    error = StringIO()
    with pytest.raises((SystemExit, CommandError)) as raised:
        call_command("import_dataset", str(path), stderr=error)
    ended = raised.value
    assert code == getattr(ended, "returncode", getattr(ended, "code", None))
    assert why in error.getvalue() + str(ended)
    assert not Dataset.objects.exists()
    assert left_behind(settings) == []
