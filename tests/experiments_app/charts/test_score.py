import pytest

from experiments_app.charts.kinds import Kind
from experiments_app.charts.score import MAX_BARS, MAX_GROUPS, score_chart
from experiments_app.charts.source import ChartSource
from tests import factories
from tests.chart_factories import run_of
from tests.factories import completed_task, running_task

pytestmark = pytest.mark.django_db


def test_it_marks_the_best_and_the_default() -> None:
    chart = score_chart(ChartSource.load(completed_task((50.0, 60.0, 55.0))))
    assert [bar.kind for bar in chart.bars] == [Kind.BASELINE, Kind.BEST, Kind.MEASURED]
    assert chart.baseline == 50.0


def test_it_marks_a_default_that_is_best_as_the_best() -> None:
    chart = score_chart(ChartSource.load(completed_task((60.0, 50.0))))
    assert chart.bars[0].kind is Kind.BEST
    assert "the default" in chart.description


def test_it_names_the_best_in_its_tooltip() -> None:
    chart = score_chart(ChartSource.load(completed_task((50.0, 60.0))))
    assert chart.bars[1].tooltip == (
        "★ Best: Experiment 1 · 60.00 output tokens/s per device · +20.0% against the default"
        " · threads 1 · parallel 1 · ubatch-size 64"
    )


def test_it_shows_failed_experiments_as_such() -> None:
    chart = score_chart(ChartSource.load(running_task()))
    assert chart.bars[3].kind is Kind.FAILED
    assert chart.bars[3].score is None
    assert "out of memory" in chart.bars[3].tooltip


def test_it_shows_infeasible_experiments_as_such() -> None:
    chart = score_chart(ChartSource.load(factories.infeasible_task()))
    assert {bar.kind for bar in chart.bars} == {Kind.INFEASIBLE}
    assert not chart.has_content
    assert chart.description == "No experiment has a score: 4 missed an SLO."


def test_it_keeps_room_for_the_experiments_to_come() -> None:
    chart = score_chart(ChartSource.load(running_task()))
    assert (len(chart.bars), chart.slots) == (4, 13)


def test_it_leads_to_each_experiment() -> None:
    task = completed_task((50.0,))
    bar = score_chart(ChartSource.load(task)).bars[0]
    assert bar.path == f"/experiments/{task.experiments.get().pk}/"


def test_it_says_in_words_what_it_shows() -> None:
    chart = score_chart(ChartSource.load(completed_task((50.0, 60.0))))
    assert chart.description == (
        "2 of 2 experiments have a score, from 50.00 to 60.00 output tokens/s per device."
        " The best is experiment 1 with 60.00. The default has 50.00."
    )


def test_it_says_which_way_is_better() -> None:
    chart = score_chart(ChartSource.load(completed_task((50.0,))))
    assert chart.axis == "output tokens/s per device · higher is better"
    latency = completed_task((0.5,), optimization={"objective": "minimize_ttft"})
    assert score_chart(ChartSource.load(latency)).axis == "s mean TTFT · lower is better"


def test_it_has_error_bars_where_there_are_repeats() -> None:
    task = run_of(4, repeats=3, failing=0, infeasible=0)
    for bar in score_chart(ChartSource.load(task)).bars:
        assert bar.spread is not None
        assert bar.spread[0] < bar.spread[1]
        assert "repeats from" in bar.tooltip


def test_it_has_no_error_bars_without_repeats() -> None:
    task = run_of(4, failing=0, infeasible=0)
    assert {bar.spread for bar in score_chart(ChartSource.load(task)).bars} == {None}


def test_it_groups_experiments_that_are_too_many_for_bars() -> None:
    chart = score_chart(ChartSource.load(run_of(MAX_BARS + 50)))
    assert len(chart.groups) <= MAX_GROUPS
    assert {bar.kind for bar in chart.bars} == {Kind.BEST, Kind.BASELINE}
    best = next(bar for bar in chart.bars if bar.kind is Kind.BEST)
    assert best.score == max(group.score or 0 for group in chart.groups)
    assert sum(group.failed_share for group in chart.groups) > 0
    assert Kind.FAILED in chart.kinds


def test_it_leads_from_a_group_to_its_best() -> None:
    task = run_of(MAX_BARS + 50, failing=0, infeasible=0)
    chart = score_chart(ChartSource.load(task))
    group = chart.groups[1]
    experiment = task.experiments.get(number=group.number)
    assert group.path == f"/experiments/{experiment.pk}/"
    assert group.score == experiment.objective_score
    assert f"(experiment {group.number})" in group.tooltip
