import pytest

from experiments_app.charts.data import Kind, score_chart
from experiments_app.overview import TaskOverview
from tests import factories
from tests.factories import completed_task, running_task

pytestmark = pytest.mark.django_db


def test_it_marks_the_best_and_the_default() -> None:
    chart = score_chart(TaskOverview.load(completed_task((50.0, 60.0, 55.0))))
    assert [bar.kind for bar in chart.bars] == [Kind.BASELINE, Kind.BEST, Kind.MEASURED]
    assert chart.baseline == 50.0


def test_it_marks_a_default_that_is_best_as_the_best() -> None:
    chart = score_chart(TaskOverview.load(completed_task((60.0, 50.0))))
    assert chart.bars[0].kind is Kind.BEST
    assert "the default" in chart.description


def test_it_names_the_best_in_its_tooltip() -> None:
    chart = score_chart(TaskOverview.load(completed_task((50.0, 60.0))))
    assert chart.bars[1].tooltip == (
        "★ Best: Experiment 1 · 60.00 output tokens/s per device · +20.0% against the default"
        " · threads 1 · parallel 1 · ubatch-size 64"
    )


def test_it_shows_failed_experiments_as_such() -> None:
    chart = score_chart(TaskOverview.load(running_task()))
    assert chart.bars[3].kind is Kind.FAILED
    assert chart.bars[3].score is None
    assert "out of memory" in chart.bars[3].tooltip


def test_it_shows_infeasible_experiments_as_such() -> None:
    chart = score_chart(TaskOverview.load(factories.infeasible_task()))
    assert {bar.kind for bar in chart.bars} == {Kind.INFEASIBLE}
    assert not chart.has_scores
    assert chart.description == "No experiment has a score: 4 missed an SLO."


def test_it_keeps_room_for_the_experiments_to_come() -> None:
    chart = score_chart(TaskOverview.load(running_task()))
    assert (len(chart.bars), chart.slots) == (4, 13)


def test_it_leads_to_each_experiment() -> None:
    task = completed_task((50.0,))
    bar = score_chart(TaskOverview.load(task)).bars[0]
    assert bar.path == f"/experiments/{task.experiments.get().pk}/"


def test_it_says_in_words_what_it_shows() -> None:
    chart = score_chart(TaskOverview.load(completed_task((50.0, 60.0))))
    assert chart.description == (
        "2 of 2 experiments have a score, from 50.00 to 60.00 output tokens/s per device."
        " The best is experiment 1 with 60.00. The default has 50.00."
    )
