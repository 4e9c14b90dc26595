import pytest

from experiments_app.run_comparison import RunComparison, RunKey
from experiments_app.run_moves import Key, Measured, Moves, moves
from tests.factories import completed_task

PLACE = ("D(100,50)", 8)
OTHER = ("D(100,50)", 16)


def measured(*figures: tuple[float, ...]) -> dict[Key, Measured]:
    """For each configuration, its figure in each repeat."""
    return {
        frozenset({("threads", number)}): Measured(
            number,
            {"threads": number},
            {repeat: {PLACE: figure} for repeat, figure in enumerate(repeats, start=1)},
        )
        for number, repeats in enumerate(figures)
    }


def compared(first: dict[Key, Measured], second: dict[Key, Measured]) -> Moves:
    return moves(("A", "B"), "maximize_throughput", first, second)


def test_it_tells_a_configuration_apart_by_its_repeats() -> None:
    (move,) = compared(measured((100, 101, 99)), measured((120, 121, 119))).each
    assert move.change == pytest.approx(0.2, abs=0.001)
    assert move.ci95 is not None
    assert 0.15 < move.ci95[0] < 0.2 < move.ci95[1] < 0.25
    assert move.is_told


def test_it_does_not_tell_noise_for_a_change() -> None:
    (move,) = compared(measured((100, 110, 92)), measured((103, 95, 111))).each
    assert move.is_told is False


def test_it_cannot_tell_what_was_measured_once() -> None:
    (move,) = compared(measured((100,)), measured((150, 151))).each
    assert (move.ci95, move.is_told) == (None, None)


def test_it_tells_a_change_of_all_configurations_together() -> None:
    found = compared(measured((100,), (50,), (80,)), measured((110,), (56,), (87.5,)))
    assert found.overall is not None
    assert found.overall.is_told
    assert found.verdict.startswith("3 configurations measured in both, from A to B +10")
    assert found.verdict.endswith("better beyond noise.")
    same = compared(measured((100,), (50,), (80,)), measured((103,), (49,), (80,)))
    assert same.verdict.endswith("no change beyond noise.")


def test_less_is_better_for_a_latency() -> None:
    slower = measured((110,), (56,), (87.5,))
    found = moves(("A", "B"), "minimize_ttft", measured((100,), (50,), (80,)), slower)
    assert found.verdict.endswith("worse beyond noise.")


def test_it_says_that_two_configurations_are_too_few() -> None:
    found = compared(measured((100,), (50,)), measured((110,), (56,)))
    assert "too few" in found.verdict
    assert "no configuration at the same load" in compared({}, measured((1,))).verdict


def test_it_compares_at_the_load_levels_that_both_have() -> None:
    first, second = measured((100,)), measured((50,))
    for one, figure in ((first, 300.0), (second, 330.0)):
        (only,) = one.values()
        only.repeats[1][OTHER] = figure
    (only,) = second.values()
    del only.repeats[1][PLACE]
    (move,) = compared(first, second).each
    assert move.change == pytest.approx(0.1)


@pytest.mark.django_db
def test_two_runs_are_compared_by_what_they_were_made_with() -> None:
    tasks = completed_task((50.0, 60.0, 70.0)), completed_task((55.0, 66.1, 77.0))
    for task, python in zip(tasks, ("3.11.7", "3.12.1"), strict=True):
        task.runs.update(provenance={"versions": {"python": python, "genai-bench": "0.0.5"}})
    comparison = RunComparison.load([RunKey(task.pk, 1) for task in tasks])
    (line,) = comparison.provenance
    assert (line.name, [value.text for value in line.values]) == (
        "Versions: python",
        ["3.11.7", "3.12.1"],
    )
    (found,) = comparison.moves
    assert len(found.each) == 3
    assert found.verdict.endswith("better beyond noise.")
