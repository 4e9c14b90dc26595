"""Which levels whole experiments are measured at: real servers, the real genai-bench."""

import time
from typing import Any

import pytest

from experiments_app import load_levels, runner, words
from experiments_app.attempt_context import AttemptContext
from experiments_app.models import Experiment
from experiments_app.results import RunResults, experiment_data
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tests.experiments_app.own_engine import paced_data
from tests.experiments_app.specs import task_data
from tests.experiments_app.test_runner import log_of, run_next, started

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_engine")]


def concurrencies(experiment: Experiment) -> list[int]:
    return list(experiment.measurements.values_list("concurrency", flat=True))


def slower_than_the_default(**changes: Any) -> dict[str, Any]:
    """Experiment 1 is four times as slow as the default."""
    defaults: dict[str, Any] = {
        "parameters": {"tpot-ms": [40]},
        "optimization": {"prune": True},
        "benchmark": {"num_concurrency": [1, 2, 4]},
    }
    return paced_data(**(defaults | changes))


def test_what_cannot_beat_the_best_is_pruned_and_keeps_what_was_measured() -> None:
    task = started(slower_than_the_default(slo={"tpot_mean_s": 0.03}))
    baseline, slow = run_next(task), run_next(task)
    assert (baseline.status, concurrencies(baseline)) == ("success", [1, 2, 4])
    assert (slow.status, slow.objective_score, slow.feasible) == ("pruned", None, None)
    assert concurrencies(slow) == [4]
    assert slow.bound == pytest.approx(slow.measurements.get().output_tokens_per_s)
    assert baseline.objective_score is not None
    assert slow.bound is not None
    assert slow.error.startswith(
        f"cannot beat the default: at most {words.number(slow.bound)} output tokens/s"
    )
    assert "pruned: cannot beat the default" in log_of(task)
    assert experiment_data(slow)["bound"] == slow.bound
    assert advance(task.pk) is None
    task.refresh_from_db()
    assert task.status == Task.Status.COMPLETED
    assert RunResults(task).best == baseline


def test_what_breaks_the_slo_at_the_least_load_is_pruned_as_infeasible() -> None:
    data = slower_than_the_default(
        slo={"tpot_mean_s": 0.03}, benchmark={"num_concurrency": [2], "max_requests_per_level": 4}
    )
    data["benchmark"]["traffic_scenarios"] = ["D(16,8)", "D(32,8)"]
    task = started(data)
    _, slow = run_next(task), run_next(task)
    assert (slow.status, slow.bound, slow.feasible) == ("pruned", None, False)
    assert slow.error.startswith("cannot hold the SLO, as the default does: TPOT mean is ")


def test_levels_that_cannot_change_a_loser_s_score_are_left_out() -> None:
    task = started(slower_than_the_default())
    _, slow = run_next(task), run_next(task)
    assert slow.status == "success"
    assert concurrencies(slow) == [4]
    assert "left out, as it cannot change the score: D(16,8) at concurrency 1, 2" in log_of(task)


def test_a_new_best_is_measured_everywhere_and_listed_in_the_task_s_order() -> None:
    task = started(slower_than_the_default(parameters={"tpot-ms": [2]}))
    _, fast = run_next(task), run_next(task)
    assert (fast.status, concurrencies(fast)) == ("success", [1, 2, 4])


def test_grid_search_measures_everything_unless_told_otherwise() -> None:
    data = slower_than_the_default(optimization={}, slo={"tpot_mean_s": 0.03})
    task = started(data)
    _, slow = run_next(task), run_next(task)
    assert (slow.status, slow.feasible, concurrencies(slow)) == ("success", False, [1, 2, 4])


def test_an_engine_that_dies_at_the_third_level_leaves_the_two_before() -> None:
    """The probe, the warm-up of 3, and levels of 8 requests and a few that are not measured."""
    data = paced_data(
        fixed_parameters={"fault": "die-after", "fault-after": 25},
        benchmark={"num_concurrency": [1, 2, 3], "max_requests_per_level": 8},
    )
    experiment = run_next(started(data))
    assert (experiment.status, experiment.error_kind) == ("failed", "crashed")
    assert concurrencies(experiment) == [1, 2]


def searched(**changes: Any) -> dict[str, Any]:
    """Three requests at once are served; with more of them one waits for another."""
    defaults: dict[str, Any] = {
        "fixed_parameters": {"slots": 3, "tpot-ms": 40},
        "slo": {"ttft_mean_s": 0.12},
        "benchmark": {
            "num_concurrency": "auto",
            "max_concurrency": 16,
            "max_requests_per_level": 12,
        },
    }
    return paced_data(**(defaults | changes))


def test_it_finds_the_highest_load_that_holds_the_slo() -> None:
    task = started(searched())
    experiment = run_next(task)
    assert (experiment.status, experiment.error) == ("success", "")
    found = experiment.load_search["D(16,8)"]
    assert (found["verdict"], found["concurrency"], found["broken_at"]) == ("saturated", 3, 4)
    assert concurrencies(experiment) == [2, 3, 4, 8]
    at_three = experiment.measurements.get(concurrency=3)
    assert experiment.objective_score == pytest.approx(at_three.output_tokens_per_s)
    assert "D(16,8): carries 3 requests at once (saturated)" in log_of(task)
    following = advance(task.pk)
    assert following is not None
    assert load_levels.first_loads(following, task.spec) == {"D(16,8)": 3}


def test_a_search_whose_time_runs_out_in_a_level_ends_with_what_it_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contexts: list[AttemptContext] = []

    class Watched(AttemptContext):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            contexts.append(self)

    note = load_levels.LevelClock.note

    def note_and_end(clock: load_levels.LevelClock, *args: Any) -> None:
        note(clock, *args)
        contexts[0].deadline = time.monotonic() + 0.3

    monkeypatch.setattr(runner, "AttemptContext", Watched)
    monkeypatch.setattr(load_levels.LevelClock, "has_time_for", lambda *_: True)
    monkeypatch.setattr(load_levels.LevelClock, "note", note_and_end)
    experiment = run_next(started(searched(slo={"ttft_mean_s": 60})))
    assert (experiment.status, concurrencies(experiment)) == ("success", [8])
    found = experiment.load_search["D(16,8)"]
    assert (found["verdict"], found["concurrency"]) == ("budget spent", 8)
    assert experiment.objective_score is not None


def test_it_searches_for_the_load_of_the_real_llama_server() -> None:
    load = {"num_concurrency": "auto", "max_concurrency": 4, "max_requests_per_level": 4}
    experiment = run_next(started(task_data(benchmark=load)))
    assert (experiment.status, experiment.error) == ("success", "")
    found = experiment.load_search["D(16,8)"]
    assert found["verdict"] in {"saturated", "not saturated"}
    assert set(concurrencies(experiment)) <= {1, 2, 4}
    rates = experiment.measurements.values_list("output_tokens_per_s", flat=True)
    assert experiment.objective_score == pytest.approx(max(rate or 0 for rate in rates))
