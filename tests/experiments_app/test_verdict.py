"""What is said of a run once its leaders were measured again, and that every page says the same."""

import json
from dataclasses import replace

import pytest
from django.test import Client

from experiments_app.charts.source import ChartSource
from experiments_app.comparison import Comparison
from experiments_app.final_result import Drift, Final
from experiments_app.neighbours import Neighbours
from experiments_app.overview import TaskOverview
from experiments_app.results import RunResults
from experiments_app.run_results import run_results
from experiments_app.task_list import summaries
from experiments_app.task_order import ordered
from experiments_app.verdict import names
from tasks_app.models import Run, Task
from tests.factories import cancelled_task, completed_task
from tests.finals import confirmed_task, task_in_final
from tests.pages import text_of

pytestmark = pytest.mark.django_db

SENTENCES = {
    "better": "experiment 3 is better than the default by 31.0% (95%: 27% to 35%)",
    "tie": "a tie among #3 and #4: the simplest, experiment 4, is chosen; it is better than the"
    " default by 30.0% (95%: 25% to 35%)",
    "default": "nothing beats the default",
    "noisy": "too noisy to say, because after 3 rounds the intervals are still wider than the"
    " gains",
    "undo": "experiment 7 is better than the default by 31.5% (95%: 28% to 36%); it is experiment 3"
    " without ubatch-size, and as good",
    "unconfirmed": "experiment 3 is better than the default by 44.3%; not confirmed: the default"
    " could not be measured again",
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_the_verdict_is_one_sentence(kind: str) -> None:
    assert RunResults(confirmed_task(kind)).verdict == SENTENCES[kind]


def test_where_nothing_is_feasible_the_closest_is_named() -> None:
    verdict = RunResults(confirmed_task("infeasible")).verdict
    assert verdict.startswith("nothing meets the SLO; experiment 2 is the closest: ")


def test_without_a_final_it_says_why_the_gain_is_not_confirmed() -> None:
    assert RunResults(completed_task()).verdict.endswith(
        "not confirmed: the task asks for no final"
    )
    asked = {"strategy": "grid_search", "confirm": True}
    old = completed_task(optimization=asked)
    assert RunResults(old).verdict.endswith("not confirmed: no final was held")
    assert RunResults(task_in_final()).verdict.endswith("the final has not ended yet")
    Run.objects.filter(task=(task := cancelled_task())).update(final=Final().to_data())
    assert "better than" not in RunResults(task).verdict  # the default is the best there


@pytest.mark.parametrize("kind", ["better", "tie", "default", "undo"])
def test_every_page_has_the_same_best_and_the_same_gain(kind: str) -> None:
    task = confirmed_task(kind)
    results, overview = RunResults(task), TaskOverview.load(task)
    assert results.best
    assert results.final
    assert results.best.number == results.final.winner
    comparison = Comparison.load(task, 1, [0, 3, 4])
    near = Neighbours.of(results.best, results.objective, results.final)
    bests = [overview.best, comparison.best, near.best]
    assert [e.number for e in bests if e] == [results.final.winner] * 3
    listed = summaries([task])[0]
    of_run = run_results(task)[1]
    assert {results.gain, overview.gain, listed.gain, of_run.gain} == {results.final.gain}
    assert listed.best_score == results.best.objective_score


def test_the_list_sorts_by_the_confirmed_gain() -> None:
    lucky = confirmed_task("default")
    modest = completed_task((50.0, 55.0))
    better = confirmed_task("better")
    assert list(ordered(Task.objects.all(), "-gain")) == [better, modest, lucky]


def test_the_data_has_the_final_the_interval_and_what_counts() -> None:
    task = confirmed_task("better")
    data = RunResults(task).to_data()
    assert json.loads(json.dumps(data, allow_nan=False))["final"]["verdict"] == "better"
    assert data["gain_ci95"] == [0.27, 0.35]
    counted = [(m["repeat"], m["counts"]) for m in data["experiments"][3]["measurements"]]
    assert counted == [(1, False), (2, True), (3, True), (4, True)]
    assert len(data["experiments"]) == 6
    assert [r["repeat"] for r in data["repeats"] if r["number"] == 3] == [2, 3, 4]


def test_the_time_of_the_final_is_counted_apart() -> None:
    spent = RunResults(confirmed_task()).spent
    assert (spent.measured, spent.repeats) == (6, 9)
    assert spent.search_s == pytest.approx(6 * 38, abs=2)
    assert spent.final_s == pytest.approx(9 * 38, abs=2)
    assert spent.engine_s == pytest.approx(15 * 38, abs=2)
    assert spent.again_words == "5 min 42 s for the final"


def test_an_old_run_has_no_final() -> None:
    data = RunResults(completed_task()).to_data()
    assert data["final"] is None
    assert data["gain_ci95"] is None


def test_a_final_is_kept_as_it_was() -> None:
    for kind in ("better", "drift", "undo", "noisy"):
        data = Run.objects.get(task=confirmed_task(kind)).final
        final = Final.from_data(data)
        assert final
        assert Final.from_data(final.to_data()) == final


def test_a_final_that_goes_on_is_told_and_counted() -> None:
    overview = TaskOverview.load(task_in_final())
    assert overview.words.startswith("Final: round 2, measuring #3 again · measuring D(100,50)")
    # All of the search and 120 s of the 300 s that the final may take, a sixth of the whole.
    assert overview.fraction == pytest.approx(5 / 6 + 0.4 / 6)
    assert overview.time_left_s == pytest.approx(180)
    assert overview.best
    assert overview.best.number == 3


def test_names_are_listed_as_people_do() -> None:
    assert names([7]) == "#7"
    assert names([3, 7, 0]) == "#3, #7 and the default"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("better", "(95%: 27% to 35%)"),
        ("better", "It and the default were measured 3 times, in turn. 95 of 100 such intervals"),
        ("tie", "A tie among #3 and #4: the simplest is chosen"),
        ("default", "Measured again, the nearest is experiment 3 with +1.1%"),
        ("noisy", "Too noisy to say"),
        ("unconfirmed", "Not confirmed: the default could not be measured again."),
        ("infeasible", "Nothing meets the SLO"),
        ("drift", "This machine changed during the run: measured 3 times"),
        ("undo", "Without ubatch-size it is as good as far as can be told: experiment 7"),
        ("undo", "Experiment 3 and the default were measured 3 times, in turn."),
    ],
)
def test_the_page_says_how_sure_it_is(browser: Client, kind: str, told: str) -> None:
    assert told in text_of(browser.get(f"/tasks/{confirmed_task(kind).pk}/"))


def test_a_run_too_short_for_checks_compares_the_default_s_two_ends() -> None:
    view = TaskOverview.load(confirmed_task("drift")).final_view
    assert view is not None
    drift = Drift(-0.0001, (-0.03, 0.03), is_real=False, checks=0)
    told = replace(view, final=replace(view.final, drift=drift)).drift_words
    assert told == (
        "No drift: the default's own score changed by 0.0% (95%: −3% to +3%) from the search to the"
        " final, which is within the noise."
    )


def test_a_better_single_measurement_is_named_and_no_gain(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{confirmed_task('default').pk}/"))
    assert "and so not compared: 2, 5." in text
    assert "No leader of 6 measured configurations was better beyond noise." in text
    table = text[text.index('id="experiments"') :]
    assert '<span class="gain-none">+1.1%</span>' in table
    assert '<span class="gain-up">+16.0%</span>' in table
    better = text_of(browser.get(f"/tasks/{confirmed_task('better').pk}/"))
    assert "not compared" not in better


def test_what_the_engine_does_anyway_is_no_changed_flag(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{confirmed_task('tie').pk}/"))
    final = text[text.index('id="final"') : text.index('id="budget"')]
    assert "ubatch-size 64" in final
    assert "ubatch-size 512" not in final


def test_the_page_has_a_line_for_each_contender(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{confirmed_task('tie').pk}/"))
    final = text[text.index('id="final"') : text.index('id="budget"')]
    assert final.count('<span class="chip">tied</span>') == 2
    assert final.index(">4</a>") < final.index(">3</a>") < final.index(">0</a>")
    assert "78.1" in final
    assert "9 times: 5 min 42 s for the final" in text


def test_a_page_in_the_final_shows_its_contenders(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{task_in_final().pk}/"))
    assert "Final: round 2, measuring #3 again" in text
    assert "goes on: 1 round ended in 2 min 00 s" in text


def test_the_table_marks_what_was_measured_again(browser: Client) -> None:
    text = text_of(browser.get(f"/tasks/{confirmed_task().pk}/"))
    table = text[text.index('id="experiments"') :]
    assert table.count(">4×<") == 3
    assert "78.10 to 82.30" in table


def test_an_experiment_lists_each_time_it_was_measured(browser: Client) -> None:
    task = confirmed_task()
    first, again = task.experiments.filter(number=3).order_by("repeat")[:2]
    text = text_of(browser.get(f"/experiments/{first.pk}/"))
    assert "Measured 4 times" in text
    assert "no: it is what chose this configuration" in text
    assert text.count("does not count") == 1
    assert "+31.0% <span" in text
    repeated = text_of(browser.get(f"/experiments/{again.pk}/"))
    assert "Experiment 3, measured again (2)" in repeated
    assert repeated.count("time 2<") == 1
    assert "Take this as the answer" not in repeated
    once = text_of(browser.get(f"/experiments/{task.experiments.get(number=1).pk}/"))
    assert 'id="executions"' not in once


def test_charts_draw_the_intervals_of_the_final() -> None:
    source = ChartSource.load(confirmed_task())
    assert source.spreads == {0: (60.1, 62.3), 3: (78.1, 82.3), 4: (77.0, 82.2)}
    going_on = ChartSource.load(task_in_final())
    assert set(going_on.spreads) == {0, 3, 4}
