"""After the search the leaders and the default are measured again; here with made-up figures."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments_app import lifecycle, reaper
from experiments_app.final_result import Final, FinalVerdict
from experiments_app.models import Experiment
from experiments_app.overview import TaskOverview
from experiments_app.repeats import engine_s
from experiments_app.results import RunResults
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tests.experiments_app.made_up import begin, fail, measure, run_to_the_end
from tests.experiments_app.specs import saved_task

pytestmark = pytest.mark.django_db
Purpose = Experiment.Purpose


def started(count: int = 3, **changes: Any) -> Task:
    """A task that tries `count` configurations at two levels, and has a final."""
    optimization = {"max_iterations": count, "confirm": True} | changes.pop("optimization", {})
    task = saved_task(
        **{
            "parameters": {"threads": list(range(1, count + 1))},
            "optimization": optimization,
            "benchmark": {"num_concurrency": [1, 4]},
        }
        | changes
    )
    task.start(gpus=0)
    return task


def final_of(task: Task) -> Final:
    found = Final.from_data(task.runs.get(number=task.run).final)
    assert found is not None
    return found


def ended(task: Task) -> Task:
    task.refresh_from_db()
    return task


def wobble(sd: float, seed: int = 1) -> Callable[[Experiment], float]:
    rng = np.random.default_rng(seed)
    return lambda _execution: float(np.exp(rng.normal(0, sd)))


def repeats_of(ran: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [one for one in ran if one[1] > 1]


def test_the_default_and_the_leader_are_measured_again_in_turn() -> None:
    task = started()
    ran = run_to_the_end(task, {0: 100, 1: 90, 2: 131, 3: 95}, wobble(0.005))
    assert ran[:4] == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert repeats_of(ran) == [(0, 2), (2, 2), (2, 3), (0, 3)]
    assert ended(task).status == Task.Status.COMPLETED
    found = final_of(task)
    assert (found.verdict, found.winner, found.rounds) == (FinalVerdict.BETTER, 2, 2)
    estimate = found.estimate_of(2)
    assert estimate is not None
    assert estimate.gain_ci95 is not None
    assert estimate.gain_ci95[0] < 0.31 < estimate.gain_ci95[1]


def test_the_gain_is_what_the_final_found_and_not_the_luck_of_the_search() -> None:
    task = started()

    def luck(execution: Experiment) -> float:
        return 1.2 if (execution.number, execution.repeat) == (2, 1) else 1.0

    run_to_the_end(task, {0: 100, 1: 90, 2: 120, 3: 95}, luck)
    results = RunResults(task)
    assert results.gain == pytest.approx(0.2)
    winner = Experiment.objects.of_run(task).get(number=2)
    assert winner.objective_score == pytest.approx(120)
    assert not winner.measurements.filter(repeat=1, counts=True).exists()
    assert set(winner.measurements.filter(counts=True).values_list("repeat", "concurrency")) == {
        (2, 4),
        (3, 4),
    }


def test_a_run_at_the_default_setting_costs_a_fifth_more_at_most() -> None:
    """20 experiments at two levels; the engine's start takes as long as a level, then nothing."""
    task = started(20, optimization={"drift_check_every": 10})
    rates = {number: 100.0 + number for number in range(21)}
    run_to_the_end(task, rates, wobble(0.03))
    used: Counter[str] = Counter()
    for row in Experiment.objects.executions_of_run(task):
        used[row.purpose] += round(engine_s(row))
    assert 0 < used[Purpose.FINAL] <= 0.2 * used[Purpose.SEARCH]
    assert final_of(task).engine_s == used[Purpose.FINAL]


def test_it_ends_with_a_tie_where_leaders_cannot_be_told_apart() -> None:
    """The one that leaves the flag at the engine's default is the simplest of them."""
    task = started(
        4,
        parameters={"parallel": [2, 4], "threads": [1, 2]},
        optimization={"confirm_budget": 5},
    )
    rates = {0: 100.0, 1: 80.0, 2: 130.0, 3: 81.0, 4: 130.5}
    run_to_the_end(task, rates, wobble(0.01))
    found = final_of(task)
    assert found.verdict == FinalVerdict.TIE
    assert found.tied == (2, 4)
    assert found.winner == 2


def test_nothing_beats_the_default_where_the_gain_was_luck() -> None:
    task = started()

    def luck(execution: Experiment) -> float:
        wobbles = 1 + 0.004 * (execution.repeat % 2)
        return wobbles * (1.04 if (execution.number, execution.repeat) == (2, 1) else 1.0)

    run_to_the_end(task, {0: 100, 1: 90, 2: 100, 3: 95}, luck)
    found = final_of(task)
    assert (found.verdict, found.winner) == (FinalVerdict.DEFAULT, 0)
    assert found.rounds >= 2


def test_it_measures_nothing_where_no_other_comes_near_the_default() -> None:
    task = started()
    ran = run_to_the_end(task, {0: 100, 1: 90, 2: 80, 3: 70})
    assert not repeats_of(ran)
    found = final_of(task)
    assert (found.verdict, found.winner, found.is_done) == (FinalVerdict.DEFAULT, 0, True)


def test_a_machine_that_is_too_noisy_to_tell_is_said_to_be() -> None:
    task = started()
    run_to_the_end(task, {0: 100, 1: 70, 2: 125, 3: 70}, wobble(0.2, seed=4))
    found = final_of(task)
    assert found.verdict == FinalVerdict.NOISY
    assert found.winner == 0
    assert "standard deviation" in found.why


def test_a_contender_that_fails_is_tried_once_more_and_then_is_out() -> None:
    task = started()
    rates = {0: 100.0, 1: 90.0, 2: 130.0, 3: 95.0}
    failed = 0
    while execution := advance(task.pk):
        if execution.number == 2 and execution.is_repeat:
            failed += 1
            fail(execution, "the server ended with signal 9")
        else:
            measure(execution, rates[execution.number])
    assert failed == 2
    assert ended(task).status == Task.Status.COMPLETED
    found = final_of(task)
    assert (found.verdict, found.winner) == (FinalVerdict.DEFAULT, 0)
    assert "#2 failed when it was measured again: the server ended with signal 9" in found.why


def test_a_contender_that_fails_once_goes_on() -> None:
    task = started()
    rates = {0: 100.0, 1: 90.0, 2: 130.0, 3: 95.0}
    failed = False
    while execution := advance(task.pk):
        if execution.number == 2 and execution.is_repeat and not failed:
            failed = True
            fail(execution)
        else:
            measure(execution, rates[execution.number] * (1 + execution.repeat / 1000))
    assert final_of(task).verdict == FinalVerdict.BETTER


def test_one_that_breaks_the_slo_in_the_final_loses_its_place() -> None:
    task = started(slo={"ttft_p99_s": 0.5})
    rates = {0: 100.0, 1: 90.0, 2: 130.0, 3: 95.0}
    while execution := advance(task.pk):
        late = execution.number == 2 and execution.is_repeat
        measure(execution, rates[execution.number], ttft_s=0.9 if late else 0.1)
    found = final_of(task)
    assert (found.verdict, found.winner) == (FinalVerdict.DEFAULT, 0)
    assert "#2 broke the SLO" in found.why
    assert Experiment.objects.of_run(task).get(number=2).objective_score is None


def test_without_a_default_to_compare_with_the_search_stands_alone() -> None:
    task = started()
    fail_first = True
    while execution := advance(task.pk):
        if fail_first:
            fail(execution)
            fail_first = False
        else:
            measure(execution, 100.0 + execution.number)
    assert ended(task).status == Task.Status.COMPLETED
    found = final_of(task)
    assert (found.verdict, found.winner) == (FinalVerdict.UNCONFIRMED, None)
    assert "the default has no figures" in found.why


def test_nothing_meets_the_slo() -> None:
    task = started(slo={"ttft_p99_s": 0.05})
    run_to_the_end(task, {0: 100, 1: 90, 2: 131, 3: 95})
    assert final_of(task).verdict == FinalVerdict.INFEASIBLE
    assert ended(task).status == Task.Status.COMPLETED


def test_a_latency_is_measured_again_at_every_level() -> None:
    task = started(optimization={"objective": "minimize_tpot"})
    run_to_the_end(task, {0: 100, 1: 90, 2: 131, 3: 95}, wobble(0.005))
    found = final_of(task)
    assert (found.verdict, found.winner) == (FinalVerdict.BETTER, 2)
    winner = Experiment.objects.of_run(task).get(number=2)
    levels = winner.measurements.filter(repeat=2).values_list("concurrency", flat=True)
    assert sorted(levels) == [1, 4]


def test_an_extended_run_has_another_final_that_keeps_the_repeats() -> None:
    task = started(4, optimization={"max_iterations": 3})
    rates = {0: 100.0, 1: 90.0, 2: 131.0, 3: 95.0, 4: 140.0}
    run_to_the_end(task, rates, wobble(0.005))
    first = final_of(task)
    lifecycle.extend_task(ended(task), more=1, wake_consumer=False)
    assert not final_of(task).is_done
    overview = TaskOverview.load(ended(task))
    assert overview.sureness.startswith(
        "Not confirmed: the search goes on, and another final follows; the one before it said:"
        " experiment 2 is better than the default by 3"
    )
    assert not overview.is_in_final
    assert overview.fraction < 1
    ran = run_to_the_end(task, rates, wobble(0.005, seed=2))
    assert ran[0] == (4, 1)
    found = final_of(task)
    assert (found.verdict, found.winner) == (FinalVerdict.BETTER, 4)
    assert found.executions[: len(first.executions)] == first.executions
    estimate = found.estimate_of(0)
    assert estimate is not None
    assert estimate.repeats > 2
    assert ended(task).status == Task.Status.COMPLETED


def test_a_run_that_goes_on_and_is_cancelled_keeps_its_verdict_for_the_next_final() -> None:
    """Cancelled right away, then in the middle of the other final: what that measured counts."""
    task = started(5, optimization={"max_iterations": 3})
    rates = {0: 100.0, 1: 90.0, 2: 131.0, 3: 95.0, 4: 140.0, 5: 60.0}
    run_to_the_end(task, rates, wobble(0.005))
    first, told = final_of(task), RunResults(ended(task)).verdict
    lifecycle.extend_task(ended(task), more=1, wake_consumer=False)
    lifecycle.cancel_task(ended(task))
    assert final_of(task) == replace(first, has_gone_on=True)

    lifecycle.extend_task(ended(task), more=1, wake_consumer=False)
    while (execution := advance(task.pk)) is not None and execution.number in {0, 2, 4}:
        if execution.is_repeat and execution.number == 4:
            break
        measure(execution, rates[execution.number])
    lifecycle.cancel_task(ended(task))
    kept = final_of(task)
    assert (kept.verdict, kept.winner, kept.gain) == (FinalVerdict.BETTER, 2, first.gain)
    assert len(kept.executions) > len(first.executions)
    assert RunResults(ended(task)).verdict == told
    overview = TaskOverview.load(ended(task))
    assert overview.answer is not None
    assert overview.answer.number == 2
    assert "The run went on after that, and ended before another final" in overview.sureness

    lifecycle.extend_task(ended(task), more=1, wake_consumer=False)
    run_to_the_end(task, rates, wobble(0.005, seed=2))
    found = final_of(task)
    assert (found.verdict, found.winner) == (FinalVerdict.BETTER, 4)
    assert found.executions[: len(kept.executions)] == kept.executions
    assert (found.earlier, found.has_gone_on) == (None, False)


def test_what_is_reused_from_an_earlier_run_is_measured_again_in_the_final() -> None:
    """The repeats that it brought along count no more than its search does."""
    task = started()
    rates = {0: 100.0, 1: 90.0, 2: 131.0, 3: 95.0}
    run_to_the_end(task, rates, wobble(0.005))
    lifecycle.restart_task(ended(task), wake_consumer=False)
    ran = run_to_the_end(task, rates, wobble(0.005, seed=2))
    assert ran[0] == (0, 1)
    # The default's repeats begin with 2, the leader's after the three times that it came with.
    assert ran[1:] == [(0, 2), (2, 4), (2, 5), (0, 3)]
    found = final_of(task)
    assert (found.verdict, found.winner, found.rounds) == (FinalVerdict.BETTER, 2, 2)
    winner = Experiment.objects.of_run(ended(task)).get(number=2)
    assert winner.reused_from is not None
    counted = winner.measurements.filter(counts=True)
    assert set(counted.values_list("repeat", flat=True)) == {4, 5}
    results = RunResults(task)
    assert results.gain == found.gain
    assert results.spent.reused == 3
    assert found.engine_s == 4 * 40


def test_a_repeat_whose_worker_was_killed_is_run_again() -> None:
    task = started()
    rates = {0: 100.0, 1: 90.0, 2: 131.0, 3: 95.0}
    killed = False
    while execution := advance(task.pk):
        if execution.is_repeat and not killed:
            killed = True
            begin(execution)  # without a lease: nobody renews it
            assert reaper.reap().requeued == 1
            again = advance(task.pk)
            assert again == execution
        measure(execution, rates[execution.number] * (1 + execution.repeat / 1000))
    assert final_of(task).verdict == FinalVerdict.BETTER
    assert ended(task).status == Task.Status.COMPLETED


def test_a_final_can_be_paused_and_cancelled() -> None:
    task = started()
    rates = {0: 100.0, 1: 90.0, 2: 131.0, 3: 95.0}
    while (execution := advance(task.pk)) and not execution.is_repeat:
        measure(execution, rates[execution.number])
    lifecycle.pause_task(ended(task))
    assert advance(task.pk) is None
    lifecycle.resume_task(ended(task), wake_consumer=False)
    assert advance(task.pk) == execution
    lifecycle.cancel_task(ended(task))
    assert advance(task.pk) is None
    assert not Experiment.objects.executions_of_run(task).filter(status="pending").exists()


def test_a_fault_in_the_final_does_not_lose_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    task = started()

    def broken(*_: object) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr("experiments_app.final_begin.plan", broken)
    run_to_the_end(task, {0: 100, 1: 90, 2: 131, 3: 95})
    assert ended(task).status == Task.Status.COMPLETED
    found = final_of(task)
    assert found.verdict == FinalVerdict.UNCONFIRMED
    assert "no such thing" in found.why


def test_the_default_is_measured_again_during_a_long_search() -> None:
    task = started(5, optimization={"drift_check_every": 2})
    ran = run_to_the_end(task, {n: 100.0 + 5 * n for n in range(6)}, wobble(0.005))
    assert ran[:8] == [(0, 1), (1, 1), (2, 1), (0, 2), (3, 1), (4, 1), (0, 3), (5, 1)]
    default = Experiment.objects.of_run(task).get(number=0)
    assert not default.measurements.filter(repeat__in=(1, 2, 3), counts=True).exists()
    found = final_of(task)
    assert found.drift is not None
    assert found.drift.checks == 2
    assert not found.drift.is_real


def test_a_machine_that_became_slower_is_flagged() -> None:
    task = started(optimization={"confirm_budget": 2})

    def slower(execution: Experiment) -> float:
        return (0.8 if execution.is_repeat else 1.0) * (1 + 0.004 * (execution.pk % 3))

    run_to_the_end(task, {0: 100, 1: 90, 2: 131, 3: 95}, slower)
    found = final_of(task)
    assert found.drift is not None
    assert found.drift.is_real
    assert found.drift.change == pytest.approx(-0.2, abs=0.02)
