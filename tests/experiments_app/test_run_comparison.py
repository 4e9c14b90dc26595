"""Whole runs beside each other: what differs, what came out, whether it may be compared."""

from typing import Any

import pytest

from experiments_app.charts.compared import compared_levels, compared_progress
from experiments_app.charts.options import ChartOptions
from experiments_app.models import Experiment
from experiments_app.run_comparison import RunComparison, RunKey, keys_of
from tasks_app.masking import MASK
from tasks_app.models import Task
from tests.chart_factories import run_of
from tests.factories import completed_task, failed_task, infeasible_task, make_task, running_task

pytestmark = pytest.mark.django_db


def compare(*tasks: Task, **options: Any) -> RunComparison:
    return RunComparison.load([RunKey(task.pk, task.run) for task in tasks], **options)


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".2", "a.b", "1.2.3", "1.-2", "1.٣", "9" * 20 + ".1"]
)
def test_it_takes_no_key_for_what_is_none(text: str) -> None:
    assert keys_of([text]) == []


def test_it_takes_each_key_once_in_its_order() -> None:
    assert keys_of(["7.1", "3.2", "7.1"]) == [RunKey(7, 1), RunKey(3, 2)]
    assert str(RunKey(3, 2)) == "3.2"


def test_it_leaves_out_runs_that_there_are_not() -> None:
    task = completed_task((50.0,))
    keys = [RunKey(task.pk, 1), RunKey(task.pk, 2), RunKey(9999, 1), RunKey(make_task().pk, 1)]
    assert [run.key for run in RunComparison.load(keys).runs] == [RunKey(task.pk, 1)]


def test_it_compares_scores_with_the_first() -> None:
    comparison = compare(completed_task((50.0, 60.0)), completed_task((50.0, 90.0)))
    best = comparison.outcome[0]
    assert [value.text for value in best.values] == ["60.00 tokens/s", "90.00 tokens/s"]
    assert best.values[0].change is None
    assert best.values[1].change == pytest.approx(0.5)
    assert best.values[1].is_better


def test_less_is_better_where_the_objective_says_so() -> None:
    latency = {"optimization": {"objective": "minimize_ttft"}}
    comparison = compare(completed_task((0.5,), **latency), completed_task((0.4,), **latency))
    assert comparison.outcome[0].values[1].is_better


def test_it_compares_no_scores_of_different_objectives() -> None:
    other = completed_task((0.5,), optimization={"objective": "minimize_ttft"})
    comparison = compare(completed_task((50.0,)), other)
    assert [value.change for value in comparison.outcome[0].values] == [None, None]
    assert comparison.warnings[0].startswith("The objectives differ (highest throughput; lowest")


def test_it_shows_only_what_differs_in_the_task_files() -> None:
    one = completed_task((50.0,))
    other = completed_task((50.0,), fixed_parameters={"ctx-size": 4096})
    differences = {d.key: d.values for d in compare(one, other, one).differences}
    assert differences.pop("task_name") == (one.name, other.name, one.name)
    assert differences == {"fixed_parameters.ctx-size": (None, "4096", None)}


def test_it_masks_secrets() -> None:
    tasks = [
        completed_task((50.0,), environment={"MY_TOKEN": f"very-secret-{n}"}) for n in range(2)
    ]
    comparison = compare(*tasks)
    difference = next(d for d in comparison.differences if "MY_TOKEN" in d.key)
    assert difference.is_hidden
    assert set(difference.values) == {MASK}


def test_it_warns_of_different_loads() -> None:
    other = completed_task(
        (50.0,), benchmark={"traffic_scenarios": ["D(9,9)"], "num_concurrency": [1]}
    )
    warnings = compare(completed_task((50.0,)), other).warnings
    assert any(
        w.startswith("The loads differ (D(100,50) at concurrency 8; D(9,9) at concurrency 1)")
        for w in warnings
    )


def test_it_warns_of_different_requests_slos_and_models() -> None:
    benchmark = {"traffic_scenarios": ["D(100,50)"], "num_concurrency": [8]}
    other = completed_task(
        (50.0,),
        benchmark=benchmark | {"max_requests_per_level": 7},
        slo={"ttft_p99_s": 2},
        model={"id_or_path": "/models/other.gguf"},
    )
    text = " ".join(compare(completed_task((50.0,)), other).warnings)
    assert "The requests per load level differ" in text
    assert "The SLOs differ (none; TTFT p99 at most 2 s)" in text
    assert "The models differ: smollm2-135m; /models/other.gguf." in text


def test_it_warns_of_different_machines_and_versions() -> None:
    one, other = completed_task((50.0,)), completed_task((50.0,))
    Experiment.objects.filter(task=one).update(owner_host="a", engine_version="1.0", gpu_ids=[])
    Experiment.objects.filter(task=other).update(
        owner_host="b", engine_version="2.0", gpu_ids=["GPU-1"], driver_version="570"
    )
    comparison = compare(one, other)
    text = " ".join(comparison.warnings)
    assert "They ran on different machines: a; b." in text
    assert "different numbers of GPUs (0 GPUs; 1 GPUs)" in text
    assert "The engine's versions differ: 1.0; 2.0." in text
    assert {line.name for line in comparison.machines} >= {"Machine", "GPUs", "Engine version"}


def test_it_warns_of_a_run_that_goes_on() -> None:
    text = " ".join(compare(completed_task(), running_task()).warnings)
    assert "B has not ended: its best may change." in text


def test_runs_that_were_asked_for_the_same_have_nothing_to_mind() -> None:
    assert compare(completed_task((50.0,)), completed_task((50.0,))).warnings == []


def test_it_compares_every_metric_at_equal_load() -> None:
    comparison = compare(
        run_of(5, failing=0, infeasible=0), run_of(5, failing=0, infeasible=0, scale=2.0)
    )
    assert [title for title, _ in comparison.levels] == [
        f"D(100,50) at concurrency {concurrency}" for concurrency in (1, 4, 16)
    ]
    rate = next(line for line in comparison.levels[0][1] if line.unit == "tokens/s")
    assert rate.values[1].change == pytest.approx(1.0, abs=0.01)


def test_it_leaves_out_load_levels_of_one_run_alone() -> None:
    other = run_of(5, benchmark={"traffic_scenarios": ["D(100,50)"], "num_concurrency": [4, 64]})
    titles = [title for title, _ in compare(run_of(5), other).levels]
    assert titles == ["D(100,50) at concurrency 4"]


def test_it_compares_the_defaults_where_asked() -> None:
    comparison = compare(completed_task(), completed_task(), of_default=True)
    assert {run.shown.number for run in comparison.runs if run.shown} == {0}


def test_it_compares_runs_without_any_result() -> None:
    comparison = compare(failed_task(), infeasible_task(), completed_task())
    assert [value.text for value in comparison.outcome[0].values] == ["", "", "131.9 tokens/s"]
    assert len(compared_progress(comparison.runs, ChartOptions()).lines) == 1


def test_its_charts_have_a_line_for_each_run() -> None:
    comparison = compare(run_of(8), run_of(8, scale=1.5))
    names = [run.name for run in comparison.runs]
    progress = compared_progress(comparison.runs, ChartOptions())
    assert [line.name for line in progress.lines] == names
    levels = compared_levels(comparison.runs, ChartOptions())
    assert [series.name for series in levels.series] == names


def test_it_says_the_run_where_a_task_has_more() -> None:
    task = completed_task((50.0,))
    task.restart()
    comparison = RunComparison.load([RunKey(task.pk, 1), RunKey(task.pk, 2)])
    assert [run.name.split(" ", 2)[2] for run in comparison.runs] == [
        f"{task.name} run 1", f"{task.name} run 2",
    ]  # fmt: skip
