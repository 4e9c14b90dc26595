"""What the charts of a run show, as data."""

import pytest

from experiments_app.charts.effects import effects_chart
from experiments_app.charts.heat_map import LEVELS, heat_map_chart
from experiments_app.charts.importance import importance_chart
from experiments_app.charts.kinds import Kind
from experiments_app.charts.levels import levels_chart
from experiments_app.charts.options import ChartOptions
from experiments_app.charts.parallel import BEST, parallel_chart
from experiments_app.charts.progress import MAX_DOTS, progress_chart
from experiments_app.charts.source import ChartSource
from tests.chart_factories import run_of
from tests.factories import completed_task
from tests.finals import confirmed_task

pytestmark = pytest.mark.django_db
NOTHING_CHOSEN = ChartOptions()


def test_progress_rises_with_each_better_score() -> None:
    chart = progress_chart(
        ChartSource.load(completed_task((50.0, 40.0, 60.0, 60.0, 55.0))), NOTHING_CHOSEN
    )
    assert [(step.x, step.score) for step in chart.steps] == [(0, 50.0), (2, 60.0), (4, 60.0)]
    assert chart.baseline == 50.0
    assert "It began with 50.00 and rose once." in chart.description


def test_progress_falls_where_less_is_better() -> None:
    task = completed_task((0.5, 0.6, 0.4), optimization={"objective": "minimize_ttft"})
    chart = progress_chart(ChartSource.load(task), NOTHING_CHOSEN)
    assert [step.score for step in chart.steps] == [0.5, 0.4, 0.4]


def test_progress_ends_with_what_the_final_chose() -> None:
    chart = progress_chart(ChartSource.load(confirmed_task("tie")), NOTHING_CHOSEN)
    assert [(step.x, step.score) for step in chart.steps[-2:]] == [(5, 80.2), (5, 79.6)]
    assert "the best single is 80.20 output tokens/s per device, reached with" in chart.description
    assert "The final chose experiment 4, with 79.60." in chart.description
    assert [dot.number for dot in chart.dots if dot.kind is Kind.BEST] == [4]


def test_progress_over_time_is_in_a_unit_that_fits() -> None:
    chart = progress_chart(ChartSource.load(run_of(13)), ChartOptions(over="time"))
    assert chart.x_title == "Minutes since the start"
    assert chart.x_max == pytest.approx(13 * 40 / 60)
    long = progress_chart(ChartSource.load(run_of(400)), ChartOptions(over="time"))
    assert long.x_title == "Hours since the start"


def test_progress_keeps_every_step_of_a_long_run() -> None:
    source = ChartSource.load(run_of(1000))
    chart = progress_chart(source, NOTHING_CHOSEN)
    assert len(chart.dots) <= MAX_DOTS + len(chart.steps) + 2
    reached = {(dot.x, dot.score) for dot in chart.dots}
    assert {(step.x, step.score) for step in chart.steps[:-1]} <= reached


def test_levels_show_the_best_the_default_and_the_runners_up() -> None:
    chart = levels_chart(ChartSource.load(run_of(13)), NOTHING_CHOSEN)
    assert {series.role for series in chart.series} == {"best", "baseline", "other"}
    assert len(chart.series) == 4
    assert [point.concurrency for point in chart.panels[0].points[:3]] == [1, 4, 16]


def test_levels_show_what_was_chosen() -> None:
    source = ChartSource.load(run_of(13, failing=0))
    chart = levels_chart(source, ChartOptions(experiments=(3, 5), latency="tpot", statistic="p50"))
    assert {series.name for series in chart.series} == {"Experiment 3", "Experiment 5"}
    assert chart.title == "Throughput against TPOT p50"
    assert chart.panels[0].bound is None


def test_levels_mark_what_misses_the_slo() -> None:
    panel = levels_chart(ChartSource.load(run_of(13)), NOTHING_CHOSEN).panels[0]
    assert panel.bound == 1.5
    for point in panel.points:
        assert point.feasible is (point.latency <= 1.5)
        assert ("misses ttft p99" in point.tooltip) is not point.feasible


def test_nothing_beats_the_pareto_front() -> None:
    panel = levels_chart(ChartSource.load(run_of(13)), NOTHING_CHOSEN).panels[0]
    assert panel.front
    for on_front in panel.front:
        assert not any(
            other.throughput > on_front.throughput and other.latency < on_front.latency
            for other in panel.points
            if other.feasible
        )


def test_levels_have_a_panel_for_each_scenario() -> None:
    benchmark = {"traffic_scenarios": ["D(100,50)", "D(900,9)"], "num_concurrency": [1]}
    chart = levels_chart(ChartSource.load(run_of(5, benchmark=benchmark)), NOTHING_CHOSEN)
    assert [panel.scenario for panel in chart.panels] == ["D(100,50)", "D(900,9)"]


def test_levels_have_the_range_of_repeats() -> None:
    panel = levels_chart(ChartSource.load(run_of(5, repeats=3)), NOTHING_CHOSEN).panels[0]
    for point in panel.points:
        assert point.throughput_range is not None
        assert point.throughput_range[0] < point.throughput < point.throughput_range[1]
        assert point.latency_range is not None
        assert "mean of 3 repeats" in point.tooltip


def test_effects_begin_with_the_strongest_parameter() -> None:
    chart = effects_chart(ChartSource.load(run_of(200)), NOTHING_CHOSEN)
    assert chart.panels[0].name == "threads"
    assert chart.panels[0].labels == ("1", "2", "4", "8")
    scores = [mean.score for mean in chart.panels[0].means]
    assert scores == sorted(scores)


def test_effects_put_a_range_on_a_scale() -> None:
    chart = effects_chart(ChartSource.load(run_of(60)), NOTHING_CHOSEN)
    panel = next(panel for panel in chart.panels if panel.name == "ubatch-size")
    assert panel.labels == ()
    assert panel.is_log


def test_effects_of_a_long_run_say_what_is_left_out() -> None:
    chart = effects_chart(ChartSource.load(run_of(1000)), NOTHING_CHOSEN)
    assert sum(len(panel.dots) for panel in chart.panels) <= 450
    assert "means count all" in chart.description
    for panel in chart.panels:
        assert any(dot.kind is Kind.BEST for dot in panel.dots)


def test_importance_names_what_matters_and_its_method() -> None:
    chart = importance_chart(ChartSource.load(run_of(60)), NOTHING_CHOSEN)
    assert chart.weights[0].name == "threads"
    assert chart.weights[0].share > 0.5
    assert "Method: fANOVA" in chart.description


def test_importance_says_when_there_are_too_few_to_tell() -> None:
    chart = importance_chart(ChartSource.load(run_of(8)), NOTHING_CHOSEN)
    assert not chart.has_content
    assert chart.description.startswith("Too few experiments to tell")


def test_importance_is_the_same_each_time() -> None:
    source = ChartSource.load(run_of(40))
    assert importance_chart(source, NOTHING_CHOSEN) == importance_chart(source, NOTHING_CHOSEN)


def test_parallel_coordinates_end_at_the_score() -> None:
    chart = parallel_chart(ChartSource.load(run_of(30)), NOTHING_CHOSEN)
    assert [axis.name for axis in chart.axes][-1] == "score, tokens/s"
    best = next(strand for strand in chart.strands if strand.band == BEST)
    assert best.heights[-1] == 1.0
    assert chart.strands[-1] is best
    assert all(-0.05 <= height <= 1.05 for s in chart.strands for height in s.heights)


def test_a_heat_map_counts_and_averages() -> None:
    source = ChartSource.load(run_of(100, failing=0, infeasible=0))
    chart = heat_map_chart(source, ChartOptions(x="threads", y="flash-attn"))
    assert (chart.x_name, chart.y_name) == ("threads", "flash-attn")
    assert chart.x_labels == ("1", "2", "4", "8")
    assert sum(field.count for field in chart.fields) == 99
    best = max(chart.fields, key=lambda field: field.mean)
    assert best.level == LEVELS
    assert f"of {best.count} experiments" in best.tooltip


def test_a_heat_map_is_strongest_at_the_lowest_where_less_is_better() -> None:
    source = ChartSource.load(run_of(60, optimization={"objective": "minimize_ttft"}))
    chart = heat_map_chart(source, NOTHING_CHOSEN)
    assert min(chart.fields, key=lambda field: field.mean).level == LEVELS


def test_a_heat_map_takes_two_different_parameters() -> None:
    source = ChartSource.load(run_of(60))
    chart = heat_map_chart(source, ChartOptions(x="spill", y="spill"))
    assert chart.x_name == "spill"
    assert chart.y_name not in {"spill", ""}
