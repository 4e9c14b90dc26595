"""The answer of a run: the best, a point of the front, or what somebody took instead."""

from typing import Any

import pytest

from experiments_app.answers import front_of, scenario_changes, take_as_answer
from experiments_app.charts.front import front_chart
from experiments_app.charts.source import ChartSource
from experiments_app.models import Experiment, Measurement
from experiments_app.overview import TaskOverview
from experiments_app.results import RunResults
from tasks_app.models import StaleState, Task
from tests.factories import completed_task, fail, make_experiment, make_task, succeed

pytestmark = pytest.mark.django_db
TWO = {"optimization": {"objectives": ["throughput", "ttft_p99"], "max_iterations": 12}}
SHORT, LONG = "D(100,50)", "D(900,50)"


def traded(**changes: Any) -> Task:
    """The front is 3, 1 and 0: 2 is beaten by 3, and 4 misses its SLO."""
    task = completed_task((60.0, 80.0, 90.0, 95.0, 50.0), **(TWO | changes))
    latencies = (0.1, 0.2, 0.6, 0.5, 0.4)
    for experiment, latency in zip(task.experiments.order_by("number"), latencies, strict=True):
        scores = {"throughput": experiment.objective_score, "ttft_p99": latency}
        Experiment.objects.filter(pk=experiment.pk).update(scores=scores)
    Experiment.objects.filter(task=task, number=4).update(
        objective_score=None, feasible=False, scores={"throughput": 999.0, "ttft_p99": 0.01}
    )
    return task


def test_the_front_is_of_feasible_experiments_only() -> None:
    task = traded()
    experiments = list(task.experiments.order_by("number"))
    assert [e.number for e in front_of(task.spec, experiments)] == [3, 1, 0]


def test_a_task_of_one_objective_has_no_front() -> None:
    assert TaskOverview.load(completed_task()).front == []


def test_what_is_taken_is_the_answer_everywhere_and_the_best_stays_the_best() -> None:
    task = traded()
    assert TaskOverview.load(task).answer == TaskOverview.load(task).best
    take_as_answer(task, 1, 1)
    overview, results = TaskOverview.load(task), RunResults(task)
    assert overview.answer is not None
    assert overview.answer.number == 1
    assert any("parallel" in text.text for text in overview.answer_texts)
    data = results.summary_data()
    assert data["best"]["number"] == 3
    assert data["chosen"]["number"] == 1
    assert [point["number"] for point in data["front"]] == [3, 1, 0]
    assert data["front"][0]["scores"] == {"throughput": 95.0, "ttft_p99": 0.5}
    assert data["verdict"].endswith("; experiment 1 was taken as the answer")


def test_the_best_can_be_taken_again() -> None:
    task = completed_task()
    take_as_answer(task, 1, 2)
    take_as_answer(task, 1, None)
    assert TaskOverview.load(task).chosen is None
    assert RunResults(task).summary_data()["chosen"] is None


def test_what_was_not_measured_cannot_be_taken() -> None:
    task = make_task()
    task.start()
    succeed(make_experiment(task, 0), 60.0)
    fail(make_experiment(task, 1))
    for number in (1, 7):
        with pytest.raises(StaleState, match=f"Experiment {number} was not measured"):
            take_as_answer(task, 1, number)


def test_the_chart_joins_the_front_and_says_what_is_on_it() -> None:
    chart = front_chart(ChartSource.load(traded()))
    [panel] = chart.panels
    assert [point.number for point in panel.front] == [0, 1, 3]
    assert [point.number for point in panel.points] == [0, 1, 2, 3]
    assert panel.x_title == "Throughput, output tokens/s per device"
    assert "3, 1, the default" in chart.description


def in_two_scenarios(long_rate: float) -> Task:
    benchmark = {"traffic_scenarios": [SHORT, LONG], "num_concurrency": [8]}
    task = completed_task((60.0, 80.0), benchmark=benchmark)
    slower = Measurement.objects.filter(experiment__number=1, scenario=LONG)
    slower.update(output_tokens_per_s=long_rate)
    return task


def test_it_tells_the_change_in_every_scenario_and_warns_where_one_got_worse() -> None:
    task = in_two_scenarios(long_rate=48)
    overview = TaskOverview.load(task)
    short, long = overview.scenario_changes
    assert (short.scenario, short.is_worse) == (SHORT, False)
    assert (long.scenario, long.is_worse) == (LONG, True)
    assert [short.gain, long.gain] == pytest.approx([1 / 3, -0.2])
    assert overview.losses == "worse than the default in D(900,50) by 20%"
    assert "but experiment 1 is worse than the default in D(900,50) by 20%" in (
        RunResults(task).verdict
    )


def test_a_loss_within_the_noise_is_shown_without_a_warning() -> None:
    overview = TaskOverview.load(in_two_scenarios(long_rate=58))
    assert [c.is_worse for c in overview.scenario_changes] == [False, False]
    assert overview.losses == ""


def test_the_default_and_a_single_scenario_have_no_changes() -> None:
    task = completed_task()
    first, second = task.experiments.order_by("number")[:2]
    assert scenario_changes(task.spec, first, second) == []
    assert scenario_changes(in_two_scenarios(70).spec, first, first) == []
