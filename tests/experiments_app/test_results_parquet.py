"""The Parquet file says what the CSV says, in the types of its columns."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from experiments_app import results_parquet
from experiments_app.models import Experiment, Measurement
from experiments_app.results import RunResults
from experiments_app.results_file import csv_lines
from experiments_app.results_parquet import parquet_parts
from experiments_app.results_table import Kind, kind_of
from tasks_app.models import Task
from tests.factories import completed_task, failed_task, make_task, pruned_task
from tests.finals import confirmed_task

pytestmark = pytest.mark.django_db
TWO = ["throughput", "ttft_mean"]


def file_of(task: Task) -> Any:
    return pq.ParquetFile(io.BytesIO(b"".join(parquet_parts(RunResults(task)))))


def csv_of(task: Task) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(csv_lines(RunResults(task))))))


def same(cell: str, value: Any) -> bool:
    """Whether a cell of the CSV and a value of the Parquet file are one."""
    if isinstance(value, float):
        return float(cell) == value
    return cell == ("" if value is None else str(value))


@pytest.mark.parametrize("make", [completed_task, failed_task, pruned_task, confirmed_task])
def test_it_says_what_the_csv_says(make: Any) -> None:
    task = make()
    Measurement.objects.filter(experiment__number=1).update(
        conditions={
            "steadiness": {"verdict": "steady", "figure": "", "change": 0.25},
            "intervals": {"ttft_p99_s": [0.5, None]},
        }
    )
    rows, written = file_of(task).read().to_pylist(), csv_of(task)
    assert len(rows) == len(written) > 2
    assert list(rows[0]) == list(written[0])
    differing = [
        (name, cell, row[name])
        for line, row in zip(written, rows, strict=True)
        for name, cell in line.items()
        if not same(cell, row[name])
    ]
    assert differing == []


def test_its_columns_have_types_and_units() -> None:
    schema = file_of(completed_task()).schema_arrow
    assert schema.field("threads").type == pa.int64()
    assert schema.field("feasible").type == pa.bool_()
    assert schema.field("status").type == pa.string()
    assert schema.field("ttft_p99_s").type == pa.float64()
    assert schema.field("ttft_p99_s_lower").metadata == {b"unit": b"s"}
    assert schema.field("output_tokens_per_s").metadata == {b"unit": b"tokens/s"}


def test_it_tells_of_what_it_is() -> None:
    task = confirmed_task()
    task.runs.update(provenance={"versions": {"driver": "570.86"}})
    told = file_of(task).schema_arrow.metadata
    assert told[b"task"].decode() == task.name
    assert told[b"run"] == b"1"
    assert b"better than the default" in told[b"verdict"]
    assert json.loads(told[b"provenance"])["versions"] == {"driver": "570.86"}
    assert json.loads(told[b"spec"])["parameters"] == task.spec_data()["parameters"]
    assert told[b"autotuner"]


def test_no_secret_is_in_it() -> None:
    task = completed_task((50.0,), environment={"HF_TOKEN": "hf_very_secret"})
    assert "hf_very_secret" not in str(file_of(task).schema_arrow.metadata)


def test_several_objectives_have_a_column_each() -> None:
    task = completed_task((50.0, 60.0), optimization={"objectives": TWO, "max_iterations": 1})
    Experiment.objects.filter(number=1).update(scores={"throughput": 60.0, "ttft_mean": 0.4})
    assert [row["scores.throughput"] for row in csv_of(task)] == ["", "60.0"]
    file = file_of(task)
    assert file.read()["scores.ttft_mean"].to_pylist() == [None, 0.4]
    assert file.schema_arrow.field("scores.ttft_mean").metadata == {b"unit": b"s"}


def test_a_flag_whose_name_is_taken_keeps_its_values() -> None:
    """vLLM has a flag `task`."""
    task = completed_task((50.0,))
    Experiment.objects.update(parameters={"task": "generate", "threads": 2})
    (row,) = file_of(task).read().to_pylist()
    assert (row["task"], row["parameters.task"]) == (task.name, "generate")
    assert csv_of(task)[0]["parameters.task"] == "generate"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 2], Kind.INTEGER),
        ([1, 0.5], Kind.NUMBER),
        ([True, False, None], Kind.TRUTH),
        ([True, 1], Kind.TEXT),
        (["on", 1], Kind.TEXT),
        ([2**70], Kind.TEXT),
        ([None], Kind.TEXT),
    ],
)
def test_a_flags_column_is_of_the_narrowest_kind(values: list[Any], kind: Kind) -> None:
    assert kind_of(values) is kind


def test_what_is_mixed_is_text() -> None:
    task = completed_task((50.0, 60.0, 70.0))
    for number, value in enumerate(("on", 1, True)):
        Experiment.objects.filter(number=number).update(parameters={"flash-attn": value})
    assert file_of(task).read()["flash-attn"].to_pylist() == ["on", "1", "true"]


def test_it_is_written_group_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_parquet, "ROWS_AT_ONCE", 2)
    task = completed_task((50.0, 60.0, 70.0, 80.0, 90.0))
    parts = list(parquet_parts(RunResults(task)))
    assert len(parts) == 4
    file = pq.ParquetFile(io.BytesIO(b"".join(parts)))
    assert file.metadata.num_row_groups == 3
    assert file.read()["number"].to_pylist() == [0, 1, 2, 3, 4]


def test_a_run_without_experiments_has_columns_and_no_rows() -> None:
    task = make_task()
    task.start()
    assert file_of(task).read().num_rows == 0


def test_the_site_sends_it(browser: Client) -> None:
    task = completed_task((50.0, 60.0), task_name="Mine / 1")
    response: Any = browser.get(f"/tasks/{task.pk}/results.parquet")
    assert 'filename="mine-1-run-1.parquet"' in response["Content-Disposition"]
    sent = pq.read_table(io.BytesIO(b"".join(response.streaming_content)))
    assert sent.equals(file_of(task).read())


def test_the_command_writes_it_whole(tmp_path: Path) -> None:
    task = completed_task((50.0, 60.0))
    file = tmp_path / "results.parquet"
    file.write_text("what stood there")
    call_command("export_results", task.name, format="parquet", output=file)
    assert pq.read_table(file).equals(file_of(task).read())
    assert list(tmp_path.iterdir()) == [file]


def test_the_command_writes_the_others_into_a_file_too(tmp_path: Path) -> None:
    task = completed_task((50.0,))
    file, told = tmp_path / "results.json", io.StringIO()
    call_command("export_results", task.name, output=file)
    call_command("export_results", task.name, stdout=told)
    assert file.read_text() == told.getvalue()


def test_it_is_no_text_for_a_terminal() -> None:
    name = completed_task((50.0,)).name
    with pytest.raises(CommandError, match="--output FILE") as refused:
        call_command("export_results", name, format="parquet", stdout=io.StringIO())
    assert refused.value.returncode == 2


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file or directory"):
        call_command(
            "export_results", completed_task((50.0,)).name, output=tmp_path / "none" / "a.json"
        )
