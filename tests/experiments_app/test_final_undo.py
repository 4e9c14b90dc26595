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
    ran = []
    while execution := advance(task.pk):
        ran.append((execution.number, execution.repeat))
        rate = 130.0 if "ubatch-size" in execution.parameters else 100.0
        measure(execution, rate * (1 + execution.repeat / 1000))
    assert ran[-3:] == [(2, 1), (2, 2), (2, 3)]
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
    assert final_of(task).engine_s == sum(map(engine_s, of_final))
