"""The undo test puts the winner's flags back, one after the other; here with made-up figures."""

from typing import Any

import pytest

from experiments_app.final_result import FinalVerdict
from experiments_app.models import Experiment
from experiments_app.repeats import engine_s
from experiments_app.results import RunResults
from experiments_app.scheduler import advance
from tasks_app.models import Task
from tests.experiments_app.made_up import fail, measure
from tests.experiments_app.test_final import ended, final_of, started, wobble

pytestmark = pytest.mark.django_db


def undo(count: int = 1, **changes: Any) -> Task:
    """A winner that changes two flags, and a final that puts them back."""
    return started(
        count,
        **{
            "parameters": {"ubatch-size": [64], "threads": [1]},
            "optimization": {"undo_test": True, "confirm_budget": 5},
        }
        | changes,
    )


def test_a_flag_that_does_nothing_is_left_out_of_what_is_recommended() -> None:
    """`threads` does nothing here; the other flag makes the gain."""
    task = undo()
    ran, noise = [], wobble(0.004)
    while execution := advance(task.pk):
        ran.append((execution.number, execution.repeat))
        rate = 130.0 if "ubatch-size" in execution.parameters else 100.0
        measure(execution, rate * noise(execution))
    in_turn = [(1, 5), (2, 2), (2, 3), (1, 6), (1, 7), (2, 4)]
    assert ran[-7:] == [(2, 1), *in_turn]
    found = final_of(task)
    assert [(undo.flag, undo.number, undo.is_needed) for undo in found.undo] == [
        ("threads", 2, False),
        ("ubatch-size", 0, True),
    ]
    assert (found.verdict, found.winner, found.simplified_from) == (FinalVerdict.BETTER, 2, 1)
    results = RunResults(task)
    assert results.best is not None
    assert results.best.parameters == {"ubatch-size": 64}
    assert results.gain == pytest.approx(0.3, abs=0.01)
    assert results.gain_ci95 is not None
    assert "it is experiment 1 without threads, and as good" in results.verdict
    assert ended(task).status == Task.Status.COMPLETED


def test_a_flag_stays_without_which_it_is_a_little_worse() -> None:
    task = undo()
    rates = {frozenset({"ubatch-size", "threads"}): 130.0, frozenset({"ubatch-size"}): 127.0}
    noise = wobble(0.01)
    while execution := advance(task.pk):
        measure(execution, rates.get(frozenset(execution.parameters), 100.0) * noise(execution))
    found = final_of(task)
    assert (found.winner, found.simplified_from) == (1, None)
    assert all(one.is_needed for one in found.undo)


def test_one_that_breaks_the_slo_without_a_flag_keeps_it() -> None:
    task = undo(slo={"ttft_p99_s": 0.5})
    while execution := advance(task.pk):
        late = "threads" not in execution.parameters and execution.number
        rate = 130.0 if "ubatch-size" in execution.parameters else 100.0
        measure(execution, rate * (1 + execution.repeat / 1000), ttft_s=0.9 if late else 0.1)
    found = final_of(task)
    assert found.winner == 1
    assert found.undo[0].flag == "threads"
    assert (found.undo[0].change, found.undo[0].is_needed) == (None, True)


def test_a_repeat_of_the_undo_test_that_fails_twice_leaves_the_flag_in() -> None:
    task = undo()
    failed = 0
    while execution := advance(task.pk):
        if execution.number == 2 and execution.is_repeat:
            failed += 1
            fail(execution)
        else:
            rate = 130.0 if "ubatch-size" in execution.parameters else 100.0
            measure(execution, rate * (1 + execution.repeat / 1000))
    assert failed == 2
    found = final_of(task)
    assert (found.verdict, found.winner, found.why) == (FinalVerdict.BETTER, 1, "")
    assert ended(task).status == Task.Status.COMPLETED


def test_the_undo_test_takes_nothing_of_the_finals_budget() -> None:
    task = undo()
    while execution := advance(task.pk):
        rate = 130.0 if "ubatch-size" in execution.parameters else 100.0
        measure(execution, rate * (1 + execution.repeat / 1000))
    of_final = Experiment.objects.executions_of_run(task).filter(number__in=(0, 1), repeat__gt=1)
    found = final_of(task)
    in_rounds = [e for e in of_final if not found.is_beside(e.number, e.repeat)]
    assert 0 < len(in_rounds) < len(of_final)
    assert found.engine_s == sum(map(engine_s, in_rounds))


@pytest.mark.parametrize(("drift", "loss"), [(0.8, 0.0), (1.25, 0.1)])
def test_a_machine_that_changes_after_the_rounds_does_not_decide_the_undo_test(
    drift: float, loss: float
) -> None:
    """Slower by then, a flag that does nothing is left out all the same; faster by then, one that
    is worth something stays. The winner's own figures are those of the rounds."""
    task = undo()
    noise = wobble(0.004)
    while execution := advance(task.pk):
        rate = 130.0 if "ubatch-size" in execution.parameters else 100.0
        if execution.number == 2:
            rate *= 1 - loss
        is_later = execution.number == 2 or (execution.is_repeat and final_of(task).undo_rounds)
        measure(execution, rate * noise(execution) * (drift if is_later else 1))
    found = final_of(task)
    flag = found.undo[0]
    assert (flag.flag, flag.is_needed) == ("threads", bool(loss))
    assert flag.change == pytest.approx(-loss, abs=0.02)
    assert found.gain == pytest.approx(0.3, abs=0.02)
    winner = Experiment.objects.of_run(task).get(number=1)
    assert winner.objective_score == pytest.approx(130.0, rel=0.01)
    beside = [again for number, again, _ in found.executions if found.is_beside(number, again)]
    assert beside
    assert not winner.measurements.filter(repeat__in=beside, counts=True).exists()


def test_the_undo_test_gives_a_flag_up_where_the_winner_cannot_be_measured_beside_it() -> None:
    task = undo()
    failed = 0
    while execution := advance(task.pk):
        if execution.number == 1 and execution.is_repeat and final_of(task).undo_rounds:
            failed += 1
            fail(execution)
            continue
        rate = 130.0 if "ubatch-size" in execution.parameters else 100.0
        measure(execution, rate * (1 + execution.repeat / 1000))
    found = final_of(task)
    assert failed == 2 * len(found.undo)
    assert (found.verdict, found.winner, found.why) == (FinalVerdict.BETTER, 1, "")
    assert all(one.is_needed for one in found.undo)
    assert ended(task).status == Task.Status.COMPLETED
