import math
import random
from typing import Any

import pytest

from experiments_app.ci.gates import (
    Finding,
    Gate,
    exit_fails,
    no_regression,
    not_below_baseline,
    parse_share,
)
from experiments_app.ci.regression import compare
from experiments_app.differences import Comparison, Reading
from tests.experiments_app.ci.outcomes import data, outcome, spec, stored

MOST = 0.05


def regression(now: float | None, then: float | None, **changes: object) -> Gate:
    change = compare(outcome(now), stored(then, **changes))
    return no_regression(outcome(now), change, MOST)


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", 0.05), ("0.05", 0.05), (".05", 0.05), ("12.5%", 0.125), ("0", 0.0), ("0%", 0.0)],
)
def test_a_share_is_read_either_way(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    ["5", "5 %", "-5%", "100%", "1", "1.5", "nan", "", "%", "five", "5%%", "٥%", "1e-2", "inf"],
)
def test_what_is_no_share_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="write 5% or"):
        parse_share(text)


def test_a_loss_beyond_noise_and_what_is_allowed_fails() -> None:
    gate = regression(88.0, 100.0)
    assert gate.finding is Finding.FAILED
    assert "−12.0%" in gate.why
    assert "baseline.json" in gate.why


def test_a_loss_that_is_allowed_passes() -> None:
    assert regression(98.0, 100.0).finding is Finding.PASSED


def test_a_gain_passes() -> None:
    assert regression(130.0, 100.0).finding is Finding.PASSED


def test_a_loss_that_the_noise_hides_cannot_be_told() -> None:
    gate = regression(94.0, 100.0, spread=0.1)
    assert gate.finding is Finding.CANNOT_TELL
    assert "noise" in gate.why


def test_of_latencies_more_is_worse() -> None:
    fast = outcome(1.0, objective="minimize_latency")
    slow = stored(1.2, objective="minimize_latency")
    assert no_regression(fast, compare(fast, slow), MOST).finding is Finding.PASSED
    turned = outcome(1.2, objective="minimize_latency")
    back = compare(turned, stored(1.0, objective="minimize_latency"))
    assert no_regression(turned, back, MOST).finding is Finding.FAILED


def test_what_was_measured_once_cannot_be_told_however_large_it_looks() -> None:
    gate = regression(50.0, 100.0, spread=None)
    assert gate.finding is Finding.CANNOT_TELL
    assert "the answer of baseline.json was not measured again in a final" in gate.why


def test_another_device_cannot_be_told() -> None:
    gate = regression(50.0, 100.0, facts={"model": "smollm2-135m", "gpu": "a GPU"})
    assert gate.finding is Finding.CANNOT_TELL
    assert "a CPU and a GPU" in gate.why


def test_an_slo_that_nothing_meets_any_more_fails() -> None:
    gate = regression(None, 100.0)
    assert gate.finding is Finding.FAILED
    assert "100.0 tokens/s" in gate.why


def test_an_slo_that_is_met_again_passes() -> None:
    assert regression(100.0, None).finding is Finding.PASSED


def test_an_slo_that_was_never_met_cannot_be_told() -> None:
    assert regression(None, None).finding is Finding.CANNOT_TELL


def test_without_an_earlier_run_it_cannot_be_told() -> None:
    assert no_regression(outcome(), None, MOST).finding is Finding.CANNOT_TELL


def test_another_question_cannot_be_told() -> None:
    other = spec(benchmark={"traffic_scenarios": ["D(999,8)"]})
    gate = regression(50.0, 100.0, spec=other)
    assert gate.finding is Finding.CANNOT_TELL
    assert "D(999,8)" in gate.why


def test_a_default_that_got_worse_as_well_is_pointed_at() -> None:
    now = outcome(80.0, baseline=64.0)
    gate = no_regression(now, compare(now, stored(100.0)), MOST)
    assert "the default, whose flags are the same, changed by −20.0%" in gate.why
    alone = outcome(80.0)
    assert "the default" not in no_regression(alone, compare(alone, stored(100.0)), MOST).why


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({}, Finding.PASSED),
        ({"gain": -0.08, "gain_ci95": [-0.1, -0.06]}, Finding.FAILED),
        ({"gain": -0.02, "gain_ci95": [-0.06, 0.02]}, Finding.CANNOT_TELL),
        ({"gain": -0.2, "gain_ci95": None}, Finding.CANNOT_TELL),
        ({"gain": None, "gain_ci95": None}, Finding.PASSED),
        ({"status": "failed"}, Finding.CANNOT_TELL),
    ],
)
def test_the_answer_is_compared_with_the_default(changes: dict[str, Any], finding: Finding) -> None:
    assert not_below_baseline(outcome(**changes)).finding is finding


def test_nothing_feasible_is_below_the_default() -> None:
    gate = not_below_baseline(
        outcome(None, verdict="nothing meets the SLO; experiment 1 is the closest")
    )
    assert gate.finding is Finding.FAILED
    assert "experiment 1 is the closest" in gate.why


def test_the_default_itself_is_not_worse_than_the_default() -> None:
    best = data()["baseline"]
    assert not_below_baseline(outcome(best=best)).finding is Finding.PASSED


def test_what_cannot_be_told_fails_only_when_strict() -> None:
    gates = [Gate("a", Finding.PASSED, ""), Gate("b", Finding.CANNOT_TELL, "")]
    assert not exit_fails(gates, strict=False)
    assert exit_fails(gates, strict=True)
    assert exit_fails([Gate("c", Finding.FAILED, "")], strict=False)


def test_of_two_equal_runs_few_are_called_different() -> None:
    """Where nothing is allowed and nothing has changed, at most 1 in 40 fails."""
    chance = random.Random(5)
    rounds = 4

    def measured() -> tuple[float, float]:
        values = [Reading(n, r, chance.gauss(4.0, 0.03)) for n in (0, 1) for r in range(rounds)]
        comparison = Comparison(values)
        return comparison.mean(1), comparison.half_width_of_mean(1)

    failed = 0
    trials = 400
    for _ in range(trials):
        runs = []
        for value, half in (measured(), measured()):
            interval = [math.exp(value - half), math.exp(value + half)]
            final = {"is_done": True, "estimates": [{"number": 1, "score_ci95": interval}]}
            runs.append(outcome(math.exp(value), final=final))
        change = compare(runs[0], stored().__class__("then", runs[1]))
        failed += no_regression(runs[0], change, 0.0).finding is Finding.FAILED
    assert failed / trials <= 0.025
