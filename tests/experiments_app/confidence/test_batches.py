"""Batch means: intervals of means and rates that hold though neighbours depend on each other."""

import numpy as np
import pytest

from experiments_app.confidence.batches import batch_means, batch_size, mean_interval
from experiments_app.confidence.level import conditions_of
from tests.experiments_app.confidence.loops import TOKENS, closed_loop
from tests.experiments_app.confidence.test_percentiles import correlated


@pytest.mark.parametrize(
    ("requests", "concurrency", "size"), [(100, 1, 5), (100, 4, 8), (100, 32, 32), (8, 8, 8)]
)
def test_a_batch_is_whole_waves(requests: int, concurrency: int, size: int) -> None:
    assert batch_size(requests, concurrency) == size


def test_an_incomplete_last_batch_is_left_out() -> None:
    assert batch_means([1, 3, 5, 7, 100], 2).tolist() == [2, 6]


def test_too_few_batches_have_no_interval() -> None:
    assert mean_interval([1.0] * 23, 8) is None
    assert mean_interval([1.0] * 24, 8) == (1.0, 1.0)


def test_the_mean_of_dependent_requests_is_covered() -> None:
    rng = np.random.default_rng(4)
    held, naive = [], []
    for _ in range(200):
        values = [5 + value for value in correlated(rng, 400, 0.6)]
        lower, upper = mean_interval(values, batch_size(400, 4)) or (None, None)
        assert lower is not None
        assert upper is not None
        held.append(lower <= 5 <= upper)
        naive.append(abs(np.mean(values) - 5) <= 1.96 * np.std(values, ddof=1) / 20)
    assert np.mean(held) > 0.88
    assert np.mean(naive) < 0.8


def test_the_rate_of_a_closed_loop_is_covered() -> None:
    """At concurrency 4 and 1 s an answer the truth is 4 answers a second."""
    held = []
    for seed in range(60):
        result = closed_loop(100, 4, seed=seed, spread=0.2)
        lower, upper = conditions_of(result, {})["intervals"]["output_tokens_per_s"]
        assert lower < result.output_tokens_per_s < upper
        held.append(lower <= 4 * TOKENS <= upper)
    assert np.mean(held) > 0.88


def test_a_server_of_even_pace_has_no_width() -> None:
    """Though its users answer in step: no batch ends in the middle of a wave."""
    intervals = conditions_of(closed_loop(100, 8), {})["intervals"]
    for name, rate in (("output_tokens_per_s", 8 * TOKENS), ("requests_per_s", 8)):
        assert intervals[name] == pytest.approx([rate, rate])
