import json
from pathlib import Path
from typing import Any

import pytest

from experiments_app.benchmark import BenchmarkError, ErrorKind
from experiments_app.benchmark.level_files import level_result, read_level
from experiments_app.benchmark.results import LevelFile, TimingsFile

from .conftest import MakeRequest

NO_STATISTICS: dict[str, Any] = {
    name: {}
    for name in (
        *("ttft", "tpot", "e2e_latency", "output_latency"),
        *("num_input_tokens", "num_output_tokens", "total_tokens"),
    )
}


def level_file(*spans: tuple[float, float], scenario: str = "D(20,10)") -> dict[str, Any]:
    """What genai-bench writes of requests that took from start to end; TTFT 1 s, 10 tokens."""
    return {
        "aggregated_metrics": {
            "scenario": scenario,
            "num_concurrency": 4,
            "run_duration": 0,
            "mean_output_throughput_tokens_per_s": 0,
            "mean_total_tokens_throughput_tokens_per_s": 0,
            "requests_per_second": 0,
            "error_codes_frequency": {},
            "num_error_requests": 0,
            "num_completed_requests": len(spans),
            "num_requests": len(spans),
            "stats": NO_STATISTICS,
        },
        "individual_request_metrics": [
            {
                "ttft": 1.0,
                "tpot": (end - start - 1) / 9,
                "e2e_latency": end - start,
                "num_input_tokens": 20,
                "num_output_tokens": 10,
                "error_code": None,
            }
            for start, end in spans
        ],
        "_time_unit": "s",
    }


def timings_file(*spans: tuple[float, float], **changes: Any) -> dict[str, Any]:
    fields = {
        "scenario": "D(20,10)",
        "concurrency": 4,
        "requests_asked": len(spans),
        "requests": [
            {"index": index, "start": 100 + start, "end": 100 + end, "asked_output_tokens": 10}
            for index, (start, end) in enumerate(spans)
        ],
        "window_end": None,
        "stopped_by": "requests",
        "client_cpu_share": 0.1,
        "client_busy_share": 0.1,
        "client_lag_s": 0.0,
    }
    return {**fields, **changes}


def result_of(*spans: tuple[float, float], **changes: Any) -> Any:
    return level_result(
        LevelFile.model_validate(level_file(*spans)),
        TimingsFile.model_validate(timings_file(*spans, **changes)),
    )


def test_it_takes_rates_over_the_whole_level_when_nothing_else_was_sent() -> None:
    result = result_of((0, 10), (0, 10), (10, 20), (10, 20))
    assert result.window_s == result.duration_s == 20
    assert result.output_tokens_per_s == 2.0
    assert result.total_tokens_per_s == 6.0
    assert result.requests_per_s == 0.2


def test_it_counts_the_share_that_came_within_the_window() -> None:
    """At 15 s the second request has its first token since 4 s of 9: 1 + 9 * 4/9 tokens of 10."""
    result = result_of((0, 10), (10, 20), window_end=115)
    assert [sample.share_in_window for sample in result.samples] == [1.0, pytest.approx(0.5)]
    assert result.output_tokens_per_s == pytest.approx(1.0)
    assert result.requests_per_s == pytest.approx(0.1)


def test_it_counts_nothing_before_the_first_token() -> None:
    result = result_of((0, 10), (9.5, 20), window_end=110)
    assert [sample.share_in_window for sample in result.samples] == [1.0, 0.0]


def test_it_does_not_trust_a_window_much_shorter_than_the_level() -> None:
    result = result_of((0, 10), (0, 20), (0, 40), window_end=110)
    assert result.window_s == 40
    assert result.output_tokens_per_s == 30 / 40


def test_it_counts_goodput_request_by_request() -> None:
    result = result_of((0, 10), (0, 20))
    assert result.requests_per_s_where(lambda sample: sample.e2e_s <= 10) == 1 / 20


@pytest.mark.parametrize(
    ("busy_share", "lag_s", "bound"), [(0.35, 0.02, False), (0.45, 0.0, True), (0.1, 0.04, True)]
)
def test_it_calls_a_level_client_bound(busy_share: float, lag_s: float, bound: bool) -> None:
    result = result_of((0, 10), client_busy_share=busy_share, client_lag_s=lag_s)
    assert result.client_bound is bound


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


LEVEL = ("D(20,10)", 4)
NAME = "D20_10_text-to-text_num_concurrency_4_time_1s.json"


def test_it_demands_a_result(make_request: MakeRequest) -> None:
    request = make_request("")
    write(request.folder, NAME, level_file((0, 10), scenario="D(30,10)"))
    with pytest.raises(
        BenchmarkError, match=r"no result for D\(20,10\) at concurrency 4"
    ) as raised:
        read_level(request, LEVEL, 0)
    assert raised.value.kind == ErrorKind.INCOMPLETE


def test_it_refuses_a_level_that_is_there_twice(make_request: MakeRequest) -> None:
    request = make_request("")
    write(request.folder, NAME, level_file((0, 10)))
    write(request.folder, f"again_{NAME}", level_file((0, 10)))
    write(request.folder, "timings/level_0.json", timings_file((0, 10)))
    with pytest.raises(BenchmarkError, match="twice"):
        read_level(request, LEVEL, 0)


def test_it_refuses_the_timings_of_another_level(make_request: MakeRequest) -> None:
    request = make_request("")
    write(request.folder, NAME, level_file((0, 10)))
    timings = timings_file((0, 10)) | {"concurrency": 8}
    write(request.folder, "timings/level_0.json", timings)
    with pytest.raises(BenchmarkError, match=r"was D\(20,10\) at concurrency 8, and not"):
        read_level(request, LEVEL, 0)


def test_it_refuses_files_that_do_not_fit_each_other(make_request: MakeRequest) -> None:
    request = make_request("")
    write(request.folder, NAME, level_file((0, 10), (0, 10)))
    write(request.folder, "timings/level_0.json", timings_file((0, 10)))
    with pytest.raises(BenchmarkError, match="reports 2 requests, but 1 were answered"):
        read_level(request, LEVEL, 0)


def test_it_refuses_what_is_no_result_of_genai_bench(make_request: MakeRequest) -> None:
    request = make_request("")
    write(request.folder, NAME, {"aggregated_metrics": {}})
    with pytest.raises(BenchmarkError, match=r"is not a result of genai-bench"):
        read_level(request, LEVEL, 0)
