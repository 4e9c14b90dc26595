"""The clock of a search for the load."""

import pytest

from experiments_app.load_levels import LevelClock
from experiments_app.load_order import Level
from tasks_app.spec import TaskSpec
from tests.experiments_app.specs import task_data

SHORT, LONG = "D(16,8)", "D(64,8)"


class Clock(LevelClock):
    """With 100 seconds for an experiment, of which `left_s` are left."""

    def __init__(self, *scenarios: str, minutes: int = 10) -> None:
        load = {
            "traffic_scenarios": list(scenarios),
            "num_concurrency": "auto",
            "max_requests_per_level": 20,
            "max_minutes_per_level": minutes,
        }
        self.left_s = 100.0
        super().__init__(TaskSpec.from_data(task_data(benchmark=load)), lambda: self.left_s)

    def measured(self, level: Level, took_s: float) -> None:
        requests = max(20, level.concurrency)
        self.left_s -= took_s
        self.note(level, took_s, requests)


def test_the_first_level_of_a_scenario_is_always_tried() -> None:
    clock = Clock(SHORT)
    clock.left_s = 1.0
    assert clock.has_time_for(Level(SHORT, 8))


@pytest.mark.parametrize(("took_s", "fits"), [(20, True), (60, False)])
def test_a_level_is_expected_to_take_no_longer_for_each_request_than_one_before(
    took_s: float, *, fits: bool
) -> None:
    clock = Clock(SHORT)
    assert clock.has_time_for(Level(SHORT, 8))
    clock.measured(Level(SHORT, 8), took_s)
    assert clock.has_time_for(Level(SHORT, 16)) is fits


def test_less_load_is_expected_to_be_slower() -> None:
    clock = Clock(SHORT)
    clock.measured(Level(SHORT, 8), 20)
    assert not clock.has_time_for(Level(SHORT, 1))


def test_a_level_takes_no_longer_than_its_limit() -> None:
    clock = Clock(SHORT, minutes=1)
    clock.measured(Level(SHORT, 8), 30)
    assert clock.has_time_for(Level(SHORT, 1))


def test_the_second_scenario_has_its_share_of_the_time() -> None:
    clock = Clock(SHORT, LONG)
    assert clock.has_time_for(Level(SHORT, 8))
    clock.measured(Level(SHORT, 8), 30)
    assert not clock.has_time_for(Level(SHORT, 16))
    assert clock.has_time_for(Level(LONG, 8))
    clock.measured(Level(LONG, 8), 30)
    assert clock.has_time_for(Level(LONG, 16))
