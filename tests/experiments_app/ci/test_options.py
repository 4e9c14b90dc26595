import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from autotuner_site.commands import BadInput
from experiments_app.ci.options import Asked
from experiments_app.output_file import write_whole
from experiments_app.results import RunResults
from tasks_app.models import Run, Task
from tests.experiments_app.ci.outcomes import data
from tests.finals import confirmed_task

NOTHING: dict[str, Any] = {
    "fail_below_baseline": False,
    "max_regression": None,
    "against": None,
    "strict": False,
    "junit": None,
    "markdown": None,
}


def asked(**options: object) -> Asked:
    return Asked.of(NOTHING | options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_regression": "5"}, "--max-regression: '5' is no share; write 5% or 0.05"),
        ({"strict": True}, "--strict is about gates"),
        ({"junit": Path("/nowhere/x.xml")}, "--junit /nowhere/x.xml: there is no folder /nowhere"),
        ({"markdown": Path("/tmp")}, "--markdown /tmp: is a folder"),
        ({"junit": Path("/tmp/x"), "markdown": Path("/tmp/../tmp/x")}, "name the same file"),
    ],
)
def test_bad_input_is_told_before_anything_begins(options: dict[str, object], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        asked(**options)
    assert told in str(refused.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("{}", "is no results file (use a file of"),
        (json.dumps(data(status="failed")), "its run is failed"),
        (json.dumps(data(run="two")), "run: Input should be a valid integer"),
        (json.dumps(data(objective="fastest")), "objective: must be one of"),
        (json.dumps(data()), "answers another question than this task"),
        (json.dumps(data()).replace("80.0", "1e999"), "finite"),
    ],
)
def test_a_file_that_cannot_be_compared_is_refused(
    tmp_path: Path, content: str | None, told: str
) -> None:
    file = tmp_path / "baseline.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadInput) as refused:
        asked(against=str(file)).stored(confirmed_task(), goes_on=False)
    assert str(refused.value).startswith(f"--against {file}: ")
    assert told in str(refused.value)


@pytest.fixture
def task(db: None) -> Task:
    """One with a completed run."""
    return confirmed_task()


def test_a_results_file_of_this_task_is_taken(task: Task, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(RunResults(task).to_data()))
    stored = asked(against=str(file)).stored(task, goes_on=False)
    assert stored is not None
    assert (stored.name, stored.outcome.run) == ("baseline.json", 1)
    assert stored.outcome.best is not None
    assert stored.outcome.half_width(stored.outcome.best.number)


def test_the_newest_earlier_completed_run_is_the_default(task: Task) -> None:
    first = asked(max_regression="5%")
    assert first.stored(task, goes_on=True) is None  # it is the one that goes on
    found = first.stored(task, goes_on=False)
    assert found is not None
    assert found.name == "run 1"
    Run.objects.update(status=Task.Status.CANCELLED)
    assert first.stored(task, goes_on=False) is None


@pytest.mark.parametrize(("number", "told"), [("9", "completed: 1"), ("1", "run 1 is cancelled")])
def test_a_run_that_cannot_be_compared_is_refused(task: Task, number: str, told: str) -> None:
    if number == "1":
        Run.objects.update(status=Task.Status.CANCELLED)
    with pytest.raises(BadInput, match=told):
        asked(against=number).stored(task, goes_on=False)


def test_nothing_is_read_where_nothing_is_compared(task: Task) -> None:
    assert asked(fail_below_baseline=True).stored(task, goes_on=False) is None


@pytest.mark.django_db(transaction=True)
def test_a_task_is_not_begun_with_bad_input() -> None:
    task = confirmed_task()
    with pytest.raises(BadInput):
        call_command("tune", task.name, "--max-regression=5")
    with pytest.raises(BadInput):
        call_command("tune", task.name, "--max-regression=5%", "--against=9")
    task.refresh_from_db()
    assert task.run == 1


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "summary.md"
    file.write_text("old")
    file.chmod(0o640)
    link = tmp_path / "link.md"
    link.symlink_to(file)
    write_whole(link, [b"new\n"])
    assert link.is_symlink()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new\n", 0o640)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, [b"newer"])
    assert file.read_text() == "new\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.md", "summary.md"]


def test_what_is_no_plain_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, [b"told"])
        assert os.read(reader, 100) == b"told"
    finally:
        os.close(reader)
