"""When the server, the client or this process breaks off: what is told, kept and left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from experiments_app.benchmark import (
    BenchmarkError,
    ErrorKind,
    GenaiBench,
    Progress,
    run_benchmark,
)
from tests.known_pace_server import KnownPaceServer
from tests.waiting import wait_for

from .conftest import MakeRequest
from .running import asked_of, fails_with, launchers

ROOT = Path(__file__).resolve().parents[3]


def test_it_goes_on_after_a_level_in_which_nothing_is_answered(make_request: MakeRequest) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=1, fault="error-after", fault_after=8) as server:
        request = make_request(server.api_base, concurrencies=(1, 2))
        with GenaiBench(request) as bench:
            answered, refused, again = (bench.measure(("D(20,10)", c)) for c in (1, 2, 3))
    assert len(answered.successes) == 8
    assert not refused.successes
    assert not again.successes


def test_it_may_be_prepared_before_the_server_is_there(make_request: MakeRequest) -> None:
    with KnownPaceServer() as gone:
        request = make_request(gone.api_base)
    with GenaiBench(request) as bench:
        time.sleep(1.0)
        with KnownPaceServer(ttft_ms=20, tpot_ms=2) as server:
            assert server.port  # another one: nothing was sent to the first
            with pytest.raises(BenchmarkError) as raised:
                bench.run()
    assert raised.value.kind == ErrorKind.ALL_FAILED
    assert "503" in raised.value.message


def test_it_passes_on_only_what_is_allowed(
    make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-yours")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
    request = make_request(
        "http://127.0.0.1:9",
        api_key="sk-1",
        environment={"AUTOTUNER_EXPERIMENT": "here/1", "NO_PROXY": "internal.example"},
    )
    with GenaiBench(request):
        (process,) = launchers()
        environment, command = process.environ(), process.cmdline()
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert "HTTP_PROXY" not in environment
    assert environment["AUTOTUNER_EXPERIMENT"] == "here/1"
    assert environment["NO_PROXY"] == "internal.example,localhost,127.0.0.1,::1"
    assert environment["HF_HUB_OFFLINE"] == "1"  # the tokenizer is a folder
    assert "sk-1" not in " ".join(command) + json.dumps(environment)
    assert not launchers()


def test_it_stops_when_it_is_told_to(make_request: MakeRequest) -> None:
    class CancelledError(Exception):
        pass

    began = 0.0

    def should_stop() -> None:
        if began:
            raise CancelledError

    def on_progress(progress: Progress) -> None:
        nonlocal began
        if progress.done:
            began = began or time.monotonic()

    with KnownPaceServer() as server, pytest.raises(CancelledError):
        run_benchmark(
            make_request(server.api_base, max_requests_per_level=1000),
            on_progress=on_progress,
            should_stop=should_stop,
        )
    assert time.monotonic() - began < 2
    assert not launchers()


def test_it_gives_up_at_the_deadline_and_keeps_what_was_finished(
    make_request: MakeRequest,
) -> None:
    with KnownPaceServer(ttft_ms=100, tpot_ms=1) as server:
        request = make_request(
            server.api_base, scenarios=("D(20,10)", "D(20,60000)"), max_requests_per_level=4
        )
        error = fails_with(ErrorKind.TIME_OUT, request, deadline_s=15)
    assert "0 of 4 requests were answered at D(20,60000), concurrency 4" in error.message
    assert [level.scenario for level in error.levels] == ["D(20,10)"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("error", 'error 500: {"error": {"message": "the engine is on fire, Bearer ***'),
        ("drop", "error 500: the server broke the answer off"),
        ("empty", "error -1: The answer could not be read"),
        ("garbage", "error -1: The answer could not be read: JSONDecodeError"),
    ],
)
def test_it_gives_up_when_every_request_fails(
    make_request: MakeRequest, fault: str, told: str
) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=1, fault=fault) as server:
        request = make_request(server.api_base, max_requests_per_level=1000, api_key="sk-1")
        error = fails_with(ErrorKind.ALL_FAILED, request)
        assert len(asked_of(server)) < 50
    assert told in error.message
    assert "sk-1" not in error.log_tail


def test_it_counts_errors_and_answers_that_were_cut_off(make_request: MakeRequest) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=1, fault="half-error") as server:
        request = make_request(server.api_base, max_requests_per_level=20)
        (halved,) = run_benchmark(replace(request, folder=request.folder / "errors"))
    assert halved.num_requests == 20
    assert halved.error_codes == {500: halved.num_errors}
    assert halved.error_rate == pytest.approx(0.5, abs=0.1)
    assert halved.num_cut_off == 0

    with KnownPaceServer(ttft_ms=5, tpot_ms=1, fault="short") as server:
        request = make_request(server.api_base)
        (short,) = run_benchmark(replace(request, folder=request.folder / "short"))
    assert short.num_cut_off == short.num_requests == 8
    assert short.num_errors == 0


def test_it_tells_when_the_server_dies(make_request: MakeRequest) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=1, fault="die-after", fault_after=10) as server:
        request = make_request(server.api_base, max_requests_per_level=1000)
        error = fails_with(ErrorKind.SERVER, request)
    assert "The server stopped answering" in error.message
    assert "of 1000 requests were answered at D(20,10), concurrency 4" in error.message


def test_it_tells_when_genai_bench_is_killed(make_request: MakeRequest) -> None:
    def kill_it(progress: Progress) -> None:
        if progress.done:
            for process in launchers():
                process.send_signal(signal.SIGKILL)

    with KnownPaceServer() as server:
        request = make_request(server.api_base, max_requests_per_level=1000)
        error = fails_with(ErrorKind.KILLED, request, on_progress=kill_it)
    assert "signal 9" in error.message


def test_it_tells_when_the_tokenizer_cannot_be_loaded(
    make_request: MakeRequest, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    request = make_request("http://127.0.0.1:9", tokenizer=str(tmp_path / "empty"))
    error = fails_with(ErrorKind.TOKENIZER, request)
    assert f"The tokenizer {tmp_path / 'empty'} could not be loaded" in error.message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
def test_it_measures_on_when_the_disk_is_full_for_the_log(make_request: MakeRequest) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=1, fault="half-error") as server:
        request = make_request(server.api_base, log_path=Path("/dev/full"))
        with GenaiBench(request) as bench:
            (result,) = bench.run()
    assert result.num_requests == 8
    assert bench.log_incomplete is not None
    assert "No space left on device" in bench.log_incomplete


def test_it_dies_with_its_parent(make_request: MakeRequest, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from experiments_app.benchmark import BenchmarkRequest, GenaiBench\n"
        "bench = GenaiBench(BenchmarkRequest(api_base='http://127.0.0.1:9', backend='vllm',\n"
        "    model_name='m', tokenizer=sys.argv[1], scenarios=('D(9,9)',), concurrencies=(1,),\n"
        "    folder=Path(sys.argv[2])))\n"
        "bench.prepare()\n"
        "print('prepared', flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script), make_request("").tokenizer, str(tmp_path / "orphan")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout
    assert parent.stdout.readline()
    (child,) = psutil.Process(parent.pid).children()
    time.sleep(0.3)  # it is importing now: the hardest moment to notice anything
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not child.is_running(), timeout_s=2)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (lambda tmp: {"folder": tmp}, "is not empty"),
        (lambda _: {"concurrencies": (4, 4)}, "must be given once"),
        (lambda tmp: {"genai_bench_path": tmp / "bin" / "genai-bench"}, "there is no Python at"),
    ],
    ids=["used folder", "level twice", "no genai-bench"],
)
def test_it_refuses_what_cannot_be_run(
    make_request: MakeRequest,
    tmp_path: Path,
    changes: Callable[[Path], dict[str, Any]],
    told: str,
) -> None:
    (tmp_path / "file").touch()
    error = fails_with(ErrorKind.OTHER, make_request("http://127.0.0.1:9", **changes(tmp_path)))
    assert told in error.message
