"""When a level counts as disturbed, and which of its tries is kept."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from experiments_app.attempt_context import AttemptContext
from experiments_app.benchmark import BenchmarkError, ErrorKind, LevelResult
from experiments_app.foreign_load import Reading, Seen, Watch, seen_in
from experiments_app.retaking import Retaking
from tasks_app.spec import TaskSpec
from tests.experiments_app.specs import task_data


def readings(
    *,
    ours: float = 1.8,
    foreign: float = 0.0,
    stolen: float = 0.0,
    io_wait: float = 0.0,
    stalled: float = 0.0,
    cores: int = 2,
    seconds: int = 10,
) -> list[Reading]:
    """One a second, of a constant load in cores."""
    return [
        Reading(
            at_s=at,
            cores=cores,
            busy_s=at * (ours + foreign),
            ours_s=at * ours,
            stolen_s=at * stolen,
            io_wait_s=at * io_wait,
            stalled_s=at * stalled,
        )
        for at in range(seconds + 1)
    ]


@pytest.mark.parametrize(
    ("seen", "disturbed"),
    [
        (seen_in(readings(foreign=0.02)), False),
        (seen_in(readings(foreign=0.3)), True),
        (seen_in(readings(ours=8, foreign=2, cores=64)), False),  # there is room for both
        (seen_in(readings(ours=40, foreign=20, cores=64)), True),
        (seen_in(readings(stolen=0.3)), True),
        (seen_in(readings(io_wait=0.3)), False),
        (seen_in(readings(stalled=0.2)), True),
        (seen_in(readings(foreign=1.5, seconds=0)), False),  # too short to tell
        (Seen(gpu_strangers=("python (pid 7)",)), True),
    ],
)
def test_it_tells_a_disturbed_level(seen: Seen, disturbed: bool) -> None:
    assert seen.is_disturbed is disturbed
    assert bool(seen.why) is disturbed
    assert seen.conditions()["disturbed"] is disturbed


def test_a_short_heavy_load_disturbs_a_long_level() -> None:
    calm = readings(ours=1.0, seconds=100)
    burst = [
        Reading(r.at_s, r.cores, r.busy_s + min(max(r.at_s - 40, 0), 3), r.ours_s) for r in calm
    ]
    assert not seen_in(calm).is_disturbed
    assert seen_in(burst).foreign < 0.1
    assert seen_in(burst).longest_s == 3
    assert seen_in(burst).is_disturbed


def test_it_watches_from_beginning_to_end() -> None:
    given = iter(readings(foreign=0.5))
    with Watch(lambda: next(given), interval_s=60) as watch:
        pass
    assert watch.seen.seconds == 1
    assert watch.seen.foreign == pytest.approx(0.5)


def test_a_reader_that_breaks_costs_nothing_but_its_figures() -> None:
    def broken() -> Reading:
        raise ValueError("a bug")

    with Watch(broken) as watch:
        pass
    assert watch.seen == Seen()


class Context:
    """As much of an attempt's context as is used: the spec and the log."""

    def __init__(self, **benchmark: Any) -> None:
        changes = {"remeasure_disturbed": True, **benchmark}
        self.spec = TaskSpec.from_data(task_data(benchmark=changes))
        self.logged: list[str] = []

    def log(self, message: str) -> None:
        self.logged.append(message)


class Answered:
    """A level's result, known by the number of its take."""

    duration_s = 1.0
    successes = ("one",)

    def __init__(self, take: int) -> None:
        self.take = take


def loads(*foreign: float) -> Callable[[], Reading]:
    """Of each try in turn; a watch reads twice or more in a try."""
    at = 0

    def read() -> Reading:
        nonlocal at
        at += 1
        number, second = divmod(at - 1, 2)
        load = foreign[min(number, len(foreign) - 1)]
        return Reading(second, 2, second * (1.5 + load), second * 1.5)

    return read


def measured(
    context: Context, *foreign: float, times: int = 1, has_time: bool = True
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The take that counts and its conditions, of so many levels one after the other."""
    retaking = Retaking(cast(AttemptContext, context), loads(*foreign))
    for _ in range(times):
        result, conditions = retaking.measure(
            "D(1,2) at concurrency 4",
            lambda take: cast(LevelResult, Answered(take)),
            lambda _took_s: has_time,
        )
        yield cast(Answered, result).take, conditions


def test_a_disturbed_level_is_measured_again() -> None:
    context = Context()
    ((take, conditions),) = measured(context, 1.0, 0.0)
    assert take == conditions["counted_try"] == conditions["tries"] == 2
    assert conditions["disturbed"] is False
    disturbed, counts = context.logged
    assert disturbed.startswith(
        "D(1,2) at concurrency 4 was disturbed: other processes kept 1 of 2"
    )
    assert disturbed.endswith("it is measured again")
    assert counts == "D(1,2) at concurrency 4: try 2 of 2 counts"


def test_of_tries_that_are_all_disturbed_the_quietest_counts_and_there_are_no_more() -> None:
    """A machine that stays busy would only make everything three times as long."""
    context = Context()
    (take, conditions), (_, later) = measured(context, 0.9, 0.5, 0.7, 0.8, times=2)
    assert (take, conditions["tries"], conditions["disturbed"]) == (2, 3, True)
    assert conditions["foreign_cpu"] == 0.5
    assert (later["tries"], later["disturbed"]) == (1, True)


@pytest.mark.parametrize("wanted", [True, False])
def test_it_is_measured_once_where_nobody_wants_more_or_there_is_no_time(wanted: bool) -> None:
    context = Context(remeasure_disturbed=wanted)
    ((take, conditions),) = measured(context, 1.0, has_time=not wanted)
    assert (take, conditions["tries"], conditions["disturbed"]) == (1, 1, True)


def test_a_try_that_fails_leaves_the_one_before() -> None:
    def measure(take: int) -> LevelResult:
        if take > 1:
            raise BenchmarkError(ErrorKind.SERVER, "it stopped answering")
        return cast(LevelResult, Answered(take))

    retaking = Retaking(cast(AttemptContext, Context()), loads(1.0))
    result, conditions = retaking.measure("a level", measure, lambda _took_s: True)
    assert cast(Answered, result).take == 1
    assert conditions["disturbed"] is True
