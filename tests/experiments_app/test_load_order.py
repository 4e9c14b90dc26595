"""Which levels are measured, and the bound behind leaving one out."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments_app.load_order import Decision, Level, Reading, decide, rate_bound
from experiments_app.replay.table import load_table

FOLDER = Path("tests/data/replay")
# Measured on two cores that are as quick with one request as with eight, give or take the noise.
NOISY = FOLDER / "smollm2-135m-llamacpp-cpu.json"
TABLES = sorted(path for path in FOLDER.glob("*.json") if path != NOISY)


def level(concurrency: int, scenario: str = "") -> Level:
    return Level(scenario, concurrency)


LEVELS = [level(1), level(4), level(16), level(64)]


def walk(
    objective: str, truth: dict[Level, Reading], to_beat: float | None
) -> tuple[dict[Level, Reading], Decision]:
    readings: dict[Level, Reading] = {}
    while True:
        decision = decide(objective, sorted(truth), readings, to_beat)
        if decision.level is None:
            return readings, decision
        assert decision.level not in readings
        readings[decision.level] = truth[decision.level]


def best_rate(readings: dict[Level, Reading]) -> float | None:
    return max((r.value or 0.0 for r in readings.values() if r.feasible), default=None)


@st.composite
def servers(draw: st.DrawFn) -> dict[Level, Reading]:
    """Servers that keep the assumptions: throughput rises, throughput per request falls."""
    rate, last, truth = draw(st.floats(1, 100)), 1, {}
    broken_from = draw(st.integers(0, 5))
    for index, concurrency in enumerate((1, 2, 8, 32, 64)):
        rate *= draw(st.floats(1.0, concurrency / last))
        last = concurrency
        truth[level(concurrency)] = Reading(rate, index < broken_from)
    return truth


@settings(deadline=None)
@given(servers(), st.floats(0.5, 5_000))
def test_it_never_prunes_what_is_better_where_the_assumptions_hold(
    truth: dict[Level, Reading], to_beat: float
) -> None:
    readings, decision = walk("maximize_throughput", truth, to_beat)
    best = best_rate(truth)
    if best is not None and best > to_beat * (1 + 1e-9):
        assert not decision.pruned
        assert best_rate(readings) == pytest.approx(best)


@settings(deadline=None)
@given(servers())
def test_it_finds_the_score_itself_where_there_is_nothing_to_beat(
    truth: dict[Level, Reading],
) -> None:
    readings, _ = walk("maximize_throughput", truth, None)
    assert best_rate(readings) == pytest.approx(best_rate(truth))


@settings(deadline=None)
@given(servers(), st.data())
def test_no_level_exceeds_its_bound(truth: dict[Level, Reading], data: st.DataObject) -> None:
    known = data.draw(st.sets(st.sampled_from(sorted(truth))))
    readings = {each: truth[each] for each in known}
    for each in truth.keys() - known:
        bound = rate_bound(each, readings)
        value = truth[each].value
        assert value is not None
        assert not truth[each].feasible if bound is None else value <= bound * (1 + 1e-9)


def test_one_level_is_enough_where_the_highest_holds_the_slo() -> None:
    truth = {each: Reading(float(10 + n), feasible=True) for n, each in enumerate(LEVELS)}
    readings, decision = walk("maximize_throughput", truth, None)
    assert list(readings) == [level(64)]
    assert decision == Decision(None, 13.0)


def test_one_level_is_enough_for_a_loser() -> None:
    truth = {each: Reading(50.0, feasible=each.concurrency < 64) for each in LEVELS}
    readings, decision = walk("maximize_throughput", truth, to_beat=60.0)
    assert list(readings) == [level(64)]
    assert decision.pruned
    assert decision.bound == pytest.approx(50)


def test_goodput_may_fall_under_load() -> None:
    rates = (1.0, 4.0, 10.0, 2.0)
    truth = {each: Reading(rate, True) for each, rate in zip(LEVELS, rates, strict=True)}
    readings, decision = walk("maximize_goodput", truth, to_beat=3.0)
    assert best_rate(readings) == 10.0
    assert not decision.pruned


def test_a_scenario_that_cannot_be_feasible_ends_the_experiment() -> None:
    truth = {level(c, s): Reading(5.0, s == "a") for s in ("a", "b") for c in (1, 4)}
    readings, decision = walk("maximize_throughput", truth, None)
    assert decision.bound is None
    assert level(4, "b") in readings


def test_several_scenarios_are_bounded_by_their_mean() -> None:
    truth = {level(c, s): Reading(r, True) for s, r in (("a", 4.0), ("b", 9.0)) for c in (1, 4)}
    _, decision = walk("maximize_throughput", truth, None)
    assert decision.bound == pytest.approx(6.0)


def test_a_broken_slo_ends_a_latency_experiment_at_once() -> None:
    truth = {each: Reading(1.0, feasible=each.concurrency < 64) for each in LEVELS}
    readings, decision = walk("minimize_latency", truth, None)
    assert list(readings) == [level(64)]
    assert decision == Decision(None, None, pruned=True)


@settings(deadline=None)
@given(st.lists(st.floats(1.0, 2.0), min_size=4, max_size=4), st.floats(0.1, 20))
def test_it_never_prunes_a_lower_latency(steps: list[float], to_beat: float) -> None:
    value, truth = 1.0, {}
    for each, step in zip(LEVELS, steps, strict=True):
        value *= step
        truth[each] = Reading(value, feasible=True)
    mean = sum(reading.value or 0 for reading in truth.values()) / 4
    _, decision = walk("minimize_latency", truth, to_beat)
    if mean < to_beat * (1 - 1e-9):
        assert not decision.pruned
        assert decision.bound == pytest.approx(mean)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_it_prunes_no_best_of_the_measured_tables(path: Path) -> None:
    table = load_table(path)
    for cell, score in zip(table.cells, table.scores, strict=True):
        if score == table.best:
            readings, decision = walk(table.objective, dict(cell.readings), table.best * 0.98)
            assert not decision.pruned
            assert table.score(readings) == table.best


def test_the_measured_tables_are_all_there() -> None:
    assert len(TABLES) == 19
    assert all("aiconfigurator" in json.loads(p.read_bytes())["source"] for p in TABLES)


def test_it_prunes_nothing_that_is_better_in_the_measured_tables() -> None:
    """Whatever the best so far: the figures of docs/search.md."""
    cases = missed = measured = there = 0
    for table in map(load_table, TABLES):
        for index, cell in enumerate(table.cells):
            for other, to_beat in enumerate(table.scores):
                if other == index or to_beat is None:
                    continue
                readings, _ = walk(table.objective, dict(cell.readings), to_beat)
                score = table.scores[index]
                cases += 1
                missed += score is not None and score > to_beat and table.score(readings) != score
                measured += len(readings)
                there += len(cell.readings)
    assert (cases, missed) == (2_239, 0)
    assert measured / there == pytest.approx(0.35, abs=0.005)


def test_it_prunes_next_to_nothing_better_than_a_good_best_where_throughput_does_not_rise() -> None:
    """The table in which A1 fails in 124 of 320 pairs: the figures of docs/search.md."""
    table = load_table(NOISY)
    assert table.best is not None
    pruned_better = {0.0: 0, 0.9: 0, 0.95: 0}
    for cell, score in zip(table.cells, table.scores, strict=True):
        for to_beat in table.scores:
            if score is None or to_beat is None or score <= to_beat:
                continue
            readings, _ = walk(table.objective, dict(cell.readings), to_beat)
            for share in pruned_better:
                missed = table.score(readings) != score
                pruned_better[share] += missed and to_beat >= share * table.best
    assert pruned_better == {0.0: 5_895, 0.9: 3, 0.95: 0}


def test_the_assumptions_fail_in_these_tables_only() -> None:
    """The table of docs/search.md: how often throughput falls, and how often a request becomes
    faster, from one level to the next."""
    found = {}
    for table in map(load_table, TABLES):
        falls = faster = 0
        for cell in table.cells:
            rows = [(at.concurrency, cell.readings[at]) for at in sorted(cell.readings)]
            for (low, before), (high, after) in itertools.pairwise(rows):
                assert before.value is not None
                assert after.value is not None
                falls += after.value < before.value
                faster += after.value / high > before.value / low
                assert before.feasible or not after.feasible
        if falls or faster:
            found[table.name] = (falls, faster)
    assert found == {
        "deepseek-r1-b200_sxm-1024x1024": (1, 2),
        "deepseek-r1-b200_sxm-8192x1024": (0, 2),
        "llama-3.1-70b-b200_sxm-1024x1024": (0, 3),
        "qwen3-32b-h100_sxm-4096x128": (1, 0),
    }
