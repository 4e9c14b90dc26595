import json
import re
import time
import urllib.request
from pathlib import Path

import pytest

from experiments_app.benchmark.request import OwnPrompts
from experiments_app.benchmark.warmup import warm_up
from tests.known_pace_server import KnownPaceServer


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("error", "status 500: .*the engine is on fire"),
        ("drop", "no whole answer"),
        ("garbage", "no whole answer: JSONDecodeError"),
        ("empty", "has no content"),
    ],
)
def test_it_tells_why_a_request_failed(fault: str, told: str) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=1, fault=fault) as server:
        done = warm_up(server.api_base, "m", scenarios=("D(9,9)",), own=None, concurrency=1)
    assert (done.requests, done.errors) == (1, 1)
    assert re.search(told, done.first_error)


def test_it_tells_that_nobody_listens(port: int) -> None:
    done = warm_up(f"http://127.0.0.1:{port}", "m", scenarios=("D(9,9)",), own=None, concurrency=1)
    assert "Connection refused" in done.first_error


def test_it_warms_up_with_the_heaviest_scenario_at_once() -> None:
    with KnownPaceServer(ttft_ms=50, tpot_ms=1) as server:
        scenarios = ("D(10,20)", "D(40,30)")
        done = warm_up(server.api_base, "m", scenarios=scenarios, own=None, concurrency=8)
        with urllib.request.urlopen(f"{server.api_base}/requests") as answer:
            asked = json.load(answer)
    assert (done.requests, done.errors) == (8, 0)
    assert {request["max_tokens"] for request in asked} == {30}
    assert {len(request["prompt"].split()) for request in asked} == {40}
    assert len({request["prompt"] for request in asked}) == 8
    assert max(request["at_s"] for request in asked) - min(r["at_s"] for r in asked) < 0.5


@pytest.mark.parametrize(
    ("scenarios", "expected"),
    [
        (("dataset",), [39, 100, 200, 348]),
        (("dataset", "D(30,10)"), [39, 100, 200, 348]),  # the heavier of the two
        (("dataset", "D(400,10)"), [400] * 4),
    ],
)
def test_for_a_data_set_it_has_its_lengths_and_other_words(
    scenarios: tuple[str, ...], expected: list[int], tmp_path: Path
) -> None:
    quantiles = ((0.0, 28.0), (0.25, 50.0), (0.5, 150.0), (0.75, 250.0), (1.0, 445.0))
    own = OwnPrompts(tmp_path, "0" * 64, 7, quantiles)
    with KnownPaceServer(ttft_ms=5, tpot_ms=1) as server:
        warm_up(server.api_base, "m", scenarios=scenarios, own=own, concurrency=4)
        with urllib.request.urlopen(f"{server.api_base}/requests") as answer:
            asked = json.load(answer)
    assert sorted(len(request["prompt"].split()) for request in asked) == expected
    assert {request["max_tokens"] for request in asked} == {10 if 400 in expected else 7}
    assert len({request["prompt"].split()[0] for request in asked}) > 1


def test_it_breaks_off_when_its_time_is_up() -> None:
    with KnownPaceServer(fault="hang") as server:
        done = warm_up(
            server.api_base, "m", scenarios=("D(9,9)",), own=None, concurrency=4, max_s=0.3
        )
    assert done.errors == 4
    assert done.duration_s < 2
    assert done.first_error == "broken off when the time was up"


def test_it_stops_when_it_is_told_to() -> None:
    class CancelledError(Exception):
        pass

    def should_stop() -> None:
        if time.monotonic() - began > 0.2:
            raise CancelledError

    with KnownPaceServer(fault="hang") as server:
        began = time.monotonic()
        with pytest.raises(CancelledError):
            warm_up(
                server.api_base,
                "m",
                scenarios=("D(9,9)",),
                own=None,
                concurrency=4,
                should_stop=should_stop,
            )
        assert time.monotonic() - began < 2
