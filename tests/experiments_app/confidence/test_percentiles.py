"""The intervals of percentiles hold the truth as often as they say, however few requests."""

import numpy as np
import pytest
from scipy.stats import binom

from experiments_app.confidence.batches import batch_size
from experiments_app.confidence.percentiles import (
    independent_requests,
    percentile_interval,
    ranks,
    share_interval,
)
from tasks_app.percentile_requests import percentile_of, requests_needed


@pytest.mark.parametrize(("percentile", "needed"), [(50, 5), (90, 29), (95, 59), (99, 299)])
def test_it_needs_as_many_requests_as_the_binomial_law_says(percentile: int, needed: int) -> None:
    assert requests_needed(percentile) == needed
    assert ranks(needed, percentile)[1] == needed
    assert ranks(needed - 1, percentile)[1] is None


def test_it_tells_percentiles_from_means() -> None:
    assert [percentile_of(name) for name in ("ttft_p99_s", "e2e_mean_s")] == [99, None]


@pytest.mark.parametrize("percentile", [50, 90, 95, 99])
def test_its_ranks_hold_the_percentile_with_95_percent(percentile: int) -> None:
    """Exactly, by the binomial law of the number of requests below it."""
    for count in (29, 59, 100, 299, 300, 1000):
        lower, upper = ranks(count, percentile)
        below = binom(count, percentile / 100)
        missed = (below.cdf(lower - 1) if lower else 0) + (below.sf(upper - 1) if upper else 0)
        assert missed <= 0.05


def test_it_covers_the_true_percentile_of_a_skewed_distribution() -> None:
    rng = np.random.default_rng(1)
    held = []
    for _ in range(200):
        lower, upper = percentile_interval(rng.exponential(size=60).tolist(), 90)
        held.append(lower is not None and upper is not None and lower <= -np.log(0.1) <= upper)
    assert np.mean(held) >= 0.93


def test_it_has_no_upper_bound_from_too_few_requests() -> None:
    lower, upper = percentile_interval([float(n) for n in range(50)], 99)
    assert lower is not None
    assert upper is None
    assert percentile_interval([], 99) == (None, None)


def test_it_is_an_order_statistic_of_the_requests_themselves() -> None:
    lower, upper = percentile_interval([float(n) for n in range(1, 101)], 50)
    assert (lower, upper) == (40, 61)


def test_independent_requests_are_worth_themselves() -> None:
    rng = np.random.default_rng(2)
    worth = [independent_requests(rng.exponential(size=200).tolist(), 90, 10) for _ in range(100)]
    assert np.mean([found < 200 for found in worth]) <= 0.1


def correlated(rng: np.random.Generator, count: int, correlation: float) -> list[float]:
    """Neighbours have this correlation; each by itself is standard normal."""
    values = [rng.normal()]
    for step in rng.normal(size=count - 1) * np.sqrt(1 - correlation**2):
        values.append(correlation * values[-1] + step)
    return values


def test_dependent_requests_widen_the_interval_until_it_covers_again() -> None:
    rng = np.random.default_rng(3)
    count = 400
    plain: list[bool] = []
    mended: list[bool] = []
    for _ in range(100):
        values = correlated(rng, count, 0.8)
        worth = independent_requests(values, 50, batch_size(count, 4))
        for found, independent in ((plain, None), (mended, worth)):
            lower, upper = percentile_interval(values, 50, independent)
            assert lower is not None
            found.append(upper is None or lower <= 0 <= upper)
    assert np.mean(plain) < 0.7
    assert np.mean(mended) > 0.88


def test_one_hiccup_that_slows_a_whole_wave_is_no_eight_slow_requests() -> None:
    values = [1.0 + n / 1000 for n in range(400)]
    values[160:168] = [9.0] * 8
    assert independent_requests(values[:160] + values[160:], 99, 16) < 100


def test_it_bounds_the_error_rate() -> None:
    lower, upper = share_interval(0, 100)
    assert lower == 0
    assert upper == pytest.approx(1 - 0.025 ** (1 / 100))
    assert share_interval(3, 3)[1] == 1
