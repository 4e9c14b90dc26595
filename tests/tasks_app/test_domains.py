import random

import pytest

from tasks_app.domains import Choices, Domain, Range, canonical


def test_it_lists_a_decimal_grid_without_binary_dust() -> None:
    values = Range(0.7, 0.9, step=0.05).values()
    assert values is not None
    assert list(values) == [0.7, 0.75, 0.8, 0.85, 0.9]


def test_it_ends_a_grid_below_high_where_high_is_not_on_it() -> None:
    assert list(Range(0.0, 1.0, step=0.3).values() or ()) == [0.0, 0.3, 0.6, 0.9]
    assert list(Range(1, 10, step=4).values() or ()) == [1, 5, 9]


def test_it_keeps_integers_integers() -> None:
    for domain in (Range(1, 4), Range(1, 4, log=True), Range(2, 8, step=2)):
        assert domain.integer
        assert all(type(value) is int for value in domain.values() or ())
    assert not Range(1, 4.0).integer
    assert not Range(1, 4, step=0.5).integer


def test_it_takes_a_logarithmic_range_of_integers_for_every_integer() -> None:
    values = Range(512, 8192, log=True).values()
    assert values is not None
    assert len(values) == 7681


def test_it_has_no_list_for_a_continuum() -> None:
    assert Range(0.1, 0.9).values() is None
    assert list(Range(0.5, 0.5).values() or ()) == [0.5]


def test_it_holds_a_huge_range_without_listing_it() -> None:
    values = Range(0, 10**15).values()
    assert values is not None
    assert len(values) == 10**15 + 1
    assert Range(0.0, 1e12, step=0.001).contains(123456789.012)


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Choices((1, "a", None, True)), [1, "a", None, True, 1.0], [False, 2, "b", 0]),
        (Choices((0, 1)), [0, 1], [False, True, None]),
        (Range(1, 9, step=2), [1, 5, 9], [2, 11, 1.0, True, "1", None]),
        (Range(0.7, 0.9, step=0.05), [0.7, 0.75, 0.9], [0.71, 0.95, True]),
        (Range(0.1, 0.9), [0.1, 0.5, 0.9], [0.09, 1, "0.5"]),
    ],
)
def test_it_knows_what_it_contains(
    domain: Domain, inside: list[object], outside: list[object]
) -> None:
    assert all(domain.contains(value) for value in inside)  # type: ignore[arg-type]
    assert not any(domain.contains(value) for value in outside)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "domain",
    [
        Choices((1, "a", None)),
        Range(1, 9, step=2),
        Range(0.7, 0.9, step=0.05),
        Range(0.001, 10.0, log=True),
        Range(1, 100_000, log=True),
        Range(0.25, 0.75),
        Range(3, 3),
        Range(0.30000000000000004, 0.30000000000000010),
    ],
)
def test_it_draws_only_what_it_contains(domain: Domain) -> None:
    rng = random.Random(7)
    assert all(domain.contains(domain.sample(rng)) for _ in range(300))
    assert domain.contains(domain.quantile(0.0))
    assert domain.contains(domain.quantile(0.9999999999999999))


def test_it_draws_evenly_on_a_log_scale() -> None:
    rng = random.Random(1)
    drawn = [Range(1, 10_000, log=True).sample(rng) for _ in range(2_000)]
    assert 900 < sum(value <= 100 for value in drawn) < 1_200


def test_it_draws_fractions_that_are_short_to_read() -> None:
    rng = random.Random(1)
    assert all(len(str(Range(0.1, 0.9).sample(rng))) <= 8 for _ in range(50))


def test_it_tells_true_from_one_in_keys() -> None:
    assert canonical(True) != canonical(1)
    assert canonical(1) == canonical(1.0)
    assert canonical(None) != canonical("None")


def test_it_gives_back_what_the_task_file_said() -> None:
    assert Choices((1, None)).to_data() == [1, None]
    assert Range(1, 9, step=2).to_data() == {"low": 1, "high": 9, "step": 2}
    assert Range(1, 9, log=True).to_data() == {"low": 1, "high": 9, "log": True}
