"""What trees find out about functions whose answer is known."""

import numpy as np
import pytest

from experiments_app.charts.forest import variance_shares

POINTS = np.random.default_rng(1).random((200, 3))


def shares(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[float]:
    return [float(share) for share in variance_shares(POINTS, values, trees=16, depth=10)]


def test_it_gives_everything_to_the_only_dimension_that_matters() -> None:
    found = shares(np.where(POINTS[:, 1] > 0.5, 10.0, 2.0))
    assert found == pytest.approx([0.0, 1.0, 0.0], abs=0.02)


def test_it_weighs_dimensions_by_the_variance_that_they_make() -> None:
    found = shares(2 * POINTS[:, 0] + POINTS[:, 1])  # variances of 4 to 1
    assert found == pytest.approx([0.8, 0.2, 0.0], abs=0.1)


def test_it_gives_nobody_what_dimensions_do_only_together() -> None:
    is_one, is_other = POINTS[:, 0] > 0.5, POINTS[:, 1] > 0.5
    assert sum(shares(np.where(is_one == is_other, 1.0, 0.0))) < 0.4


def test_it_finds_nothing_in_a_constant() -> None:
    assert shares(np.ones(200)) == [0.0, 0.0, 0.0]
