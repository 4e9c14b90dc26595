"""By how much a promise may be missed by chance."""

import math

import numpy as np
import pytest

from experiments_app.differences import Noise
from experiments_app.verification_verdict import Judged, VerifyVerdict, judge

KEPT, NOT_KEPT, UNCLEAR = VerifyVerdict


def judged(
    *ratios: float, now: float, noise: Noise | None = None, misses: tuple[str, ...] = ()
) -> Judged:
    return judge([math.log(r) for r in ratios], math.log(now), noise, misses)


def test_it_is_kept_within_what_the_final_saw_as_noise() -> None:
    quiet = Noise(0.01, 8)
    found = judged(1.0, 1.0, 1.0, now=0.98, noise=quiet)
    # Student's t with 8 degrees of freedom is 2.306; of a further reading, against three.
    assert found.allowed == pytest.approx(1 - math.exp(-2.306 * 0.01 * math.sqrt(4 / 3)), rel=1e-3)
    assert found.verdict is KEPT
    assert judged(1.0, 1.0, 1.0, now=0.97, noise=quiet).verdict is NOT_KEPT


def test_to_be_better_breaks_no_promise() -> None:
    found = judged(1.0, now=1.4, noise=Noise(0.001, 5))
    assert found.verdict is KEPT
    assert found.change == pytest.approx(0.4)


def test_what_does_not_matter_is_kept_on_the_quietest_machine() -> None:
    assert judged(1.0, 1.0, now=0.991, noise=Noise(1e-6, 20)).verdict is KEPT


@pytest.mark.parametrize(("now", "verdict"), [(0.96, KEPT), (0.94, NOT_KEPT)])
def test_without_repeats_as_much_is_let_pass_as_a_search_lets(
    now: float, verdict: VerifyVerdict
) -> None:
    for noise in (None, Noise(0.0, 0)):
        found = judged(1.0, now=now, noise=noise)
        assert (found.verdict, found.is_noise_known) == (verdict, False)


def test_a_machine_too_noisy_confirms_no_loss_and_rules_none_out() -> None:
    noisy = Noise(0.1, 4)
    assert judged(1.0, now=0.95, noise=noisy).verdict is KEPT
    found = judged(1.0, now=0.85, noise=noisy)
    assert found.verdict is UNCLEAR
    assert "may be worse by" in found.why
    assert judged(1.0, now=0.5, noise=noisy).verdict is NOT_KEPT


def test_a_broken_slo_breaks_the_promise_whatever_the_score() -> None:
    found = judged(1.0, now=1.2, misses=("TTFT p99 is 0.6 s",))
    assert (found.verdict, found.why) == (NOT_KEPT, "TTFT p99 is 0.6 s")


def test_of_those_that_are_as_promised_one_in_forty_is_called_broken() -> None:
    rng = np.random.default_rng(7)
    broken = 0
    for _ in range(2000):
        promised = rng.normal(0, 0.02, 4)
        others = rng.normal(0, 0.02, 9)
        found = judge(list(promised), rng.normal(0, 0.02), Noise(float(others.std(ddof=1)), 8), ())
        broken += found.verdict is NOT_KEPT
    assert 0.015 < broken / 2000 < 0.035
