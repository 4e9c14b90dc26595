"""The driver, the launcher and the installed genai-bench together, against a real server."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil
import pytest
from tokenizers import Tokenizer

from experiments_app.benchmark import (
    BenchmarkError,
    BenchmarkRequest,
    ErrorKind,
    GenaiBench,
    LevelResult,
    Progress,
    run_benchmark,
)
from experiments_app.benchmark.client_limit import MAX_BUSY_SHARE
from experiments_app.benchmark.results import LevelFile
from tests.known_pace_server import KnownPaceServer
from tests.waiting import wait_for

from .conftest import MakeRequest

ROOT = Path(__file__).resolve().parents[3]


def asked_of(server: KnownPaceServer, what: str = "requests") -> Any:
    with urllib.request.urlopen(f"{server.api_base}/{what}", timeout=10) as answer:
        return json.load(answer)


def launchers() -> list[psutil.Process]:
    """The genai-bench processes that this one started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            if "experiments_app.benchmark.launcher" in child.cmdline():
                found.append(child)
    return found


def fails_with(kind: ErrorKind, request: BenchmarkRequest, **options: Any) -> BenchmarkError:
    with pytest.raises(BenchmarkError) as raised:
        run_benchmark(request, **options)
    assert raised.value.kind == kind, raised.value.message
    assert not launchers()
    return raised.value


class Finished:
    """One run of three levels with a key, looked at by many tests."""

    def __init__(self, make_request: MakeRequest) -> None:
        self.progress: list[Progress] = []
        self.key = "sk-secret-of-the-test"
        self.states: set[str] = set()
        with KnownPaceServer(ttft_ms=20, tpot_ms=2) as server:
            self.request = make_request(
                server.api_base,
                scenarios=("D(20,10)", "U(10,30)/(4,12)"),
                concurrencies=(1, 4),
                additional_params={"temperature": 0.5},
                api_key=self.key,
            )
            self.results: list[LevelResult] = run_benchmark(
                self.request, on_progress=self.progress.append, should_stop=self.look
            )
            self.asked = asked_of(server)

    def look(self) -> None:
        for process in launchers():
            with contextlib.suppress(psutil.Error):
                self.states |= {connection.status for connection in process.net_connections()}


@pytest.fixture(scope="module")
def finished(tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    def make(api_base: str, **changes: Any) -> BenchmarkRequest:
        return BenchmarkRequest(
            api_base=api_base,
            backend="vllm",
            model_name="known-pace",
            tokenizer=str(tokenizer),
            folder=tmp_path_factory.mktemp("finished") / "results",
            max_requests_per_level=8,
            max_minutes_per_level=1,
            **changes,
        )

    return Finished(make)


def test_it_measures_every_level_in_order(finished: Finished) -> None:
    levels = [(result.scenario, result.concurrency) for result in finished.results]
    assert levels == list(finished.request.levels)
    assert [result.num_requests for result in finished.results] == [8] * 4
    assert [result.num_errors for result in finished.results] == [0] * 4
    assert {result.stopped_by for result in finished.results} == {"requests"}


def test_it_asks_for_the_exact_lengths_and_gets_them(finished: Finished, tokenizer: Path) -> None:
    count = Tokenizer.from_file(str(tokenizer / "tokenizer.json")).encode
    deterministic = [request for request in finished.asked if request["max_tokens"] == 10]
    assert {len(count(request["prompt"]).ids) for request in deterministic[:16]} == {20}
    assert {request["ignore_eos"] for request in finished.asked} == {True}
    assert {request["temperature"] for request in finished.asked} == {0.5}
    for result in finished.results:
        assert result.num_cut_off == 0
        for sample in result.samples:
            assert sample.output_tokens == sample.asked_output_tokens
    lengths = {sample.output_tokens for sample in finished.results[2].samples}
    assert lengths <= set(range(4, 13))
    assert len(lengths) > 1


def test_it_reports_progress_as_it_goes(finished: Finished) -> None:
    last = [
        [progress for progress in finished.progress if progress.index == index][-1]
        for index in range(4)
    ]
    assert [(progress.done, progress.total, progress.levels) for progress in last] == [
        (8, 8, 4)
    ] * 4
    assert [(progress.scenario, progress.concurrency) for progress in last] == list(
        finished.request.levels
    )


def test_it_sends_the_key_and_leaves_it_nowhere(finished: Finished) -> None:
    assert {request["authorization"] for request in finished.asked} == {f"Bearer {finished.key}"}
    written = [path for path in finished.request.folder.rglob("*") if path.is_file()]
    assert len(written) > 8
    assert not [path for path in written if finished.key.encode() in path.read_bytes()]
    assert finished.key not in repr(finished.request)


def test_it_opens_no_port(finished: Finished) -> None:
    assert psutil.CONN_ESTABLISHED in finished.states
    assert psutil.CONN_LISTEN not in finished.states


def test_its_models_fit_what_genai_bench_writes(finished: Finished) -> None:
    """The contract: every field that we read is in the installed version's files."""

    def check(model: Any, content: dict[str, Any]) -> None:
        for name, field in model.model_fields.items():
            assert (field.alias or name) in content

    path = finished.request.folder.glob("D20_10*_concurrency_4_*.json")
    content = json.loads(next(path).read_text())
    level = LevelFile.model_validate(content)
    check(LevelFile, content)
    check(type(level.aggregated_metrics), content["aggregated_metrics"])
    check(type(level.aggregated_metrics.stats), content["aggregated_metrics"]["stats"])
    check(type(level.aggregated_metrics.stats.ttft), content["aggregated_metrics"]["stats"]["ttft"])
    check(type(level.individual_request_metrics[0]), content["individual_request_metrics"][0])


def test_its_samples_agree_with_genai_benchs_own_statistics(finished: Finished) -> None:
    for result in finished.results:
        stats, samples = result.reported.stats, result.samples
        ttfts = [sample.ttft_s or 0 for sample in samples]
        assert sum(ttfts) / len(ttfts) == pytest.approx(stats.ttft.mean)
        assert sum(sample.output_tokens for sample in samples) == stats.num_output_tokens.sum
        for sample in samples:
            assert sample.end_s - sample.start_s == pytest.approx(sample.e2e_s)


@pytest.mark.alone
def test_it_is_within_3_percent_of_the_truth_up_to_concurrency_16(
    make_request: MakeRequest,
) -> None:
    """What else the machine does only ever adds time, so for the TTFT the lower quartile is looked
    at, and one of three tries must fit. `benchmarks/accuracy.py` tables the means."""
    truth_e2e_s = 0.050 + 99 * 0.010
    tries: list[dict[str, float]] = []
    for number in range(3):
        with KnownPaceServer(ttft_ms=50, tpot_ms=10) as server:
            request = make_request(
                server.api_base,
                scenarios=("D(100,100)",),
                concurrencies=(8, 16),
                max_requests_per_level=48,
                folder=make_request("").folder / str(number),
            )
            results = run_benchmark(request)
        errors: dict[str, float] = {}
        for result in results:
            at = f"at concurrency {result.concurrency}"
            truth = result.concurrency * 100 / truth_e2e_s
            ttft_p25_s = quantiles([s.ttft_s or 0 for s in result.samples])[0]
            tpot_p50_s = median(s.tpot_s or 0 for s in result.samples)
            errors[f"TTFT {at}"] = ttft_p25_s / 0.050 - 1
            errors[f"TPOT {at}"] = tpot_p50_s / 0.010 - 1
            errors[f"tokens/s {at}"] = result.output_tokens_per_s / truth - 1
        tries.append(errors)
        if max(abs(error) for error in errors.values()) < 0.03:
            return
    pytest.fail(f"never within 3 percent: {tries}")


@pytest.mark.alone
def test_it_flags_a_level_that_the_client_cannot_carry(make_request: MakeRequest) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=0.01) as server:
        request = make_request(
            server.api_base,
            scenarios=("D(20,400)",),
            concurrencies=(32,),
            max_requests_per_level=128,
        )
        (result,) = run_benchmark(request)
    assert result.client_bound
    assert result.client_busy_share > MAX_BUSY_SHARE


def test_it_sends_each_configuration_the_same_prompts(
    make_request: MakeRequest, finished: Finished
) -> None:
    def prompts(**changes: Any) -> list[str]:
        with KnownPaceServer(ttft_ms=5, tpot_ms=1) as server:
            request = make_request(server.api_base, **changes)
            run_benchmark(replace(request, folder=request.folder / str(len(changes))))
            return [request["prompt"] for request in asked_of(server)][:8]

    before = {request["prompt"] for request in finished.asked}
    same = prompts()
    assert len(set(same)) == 8
    assert set(same) <= before
    assert not set(prompts(seed=8)) & before
    assert not set(prompts(seed=0, request_set="final 1")) & before


def test_it_measures_in_any_order_with_the_same_prompts(
    make_request: MakeRequest, finished: Finished
) -> None:
    """The heaviest level first, one that was not prepared in between: one process for all."""
    levels = [("D(20,10)", 4), ("D(20,10)", 2), ("D(20,10)", 1)]
    with KnownPaceServer(ttft_ms=5, tpot_ms=1) as server:
        request = make_request(server.api_base, concurrencies=(1, 4))
        with GenaiBench(request) as bench:
            results = [bench.measure(level) for level in levels]
            assert len(launchers()) == 1
        prompts = [asked["prompt"] for asked in asked_of(server)]
    assert [(result.scenario, result.concurrency) for result in results] == levels
    assert [result.num_requests for result in results] == [8, 8, 8]
    in_order = [asked["prompt"] for asked in finished.asked]
    assert set(prompts[:8]) <= set(in_order)
    assert set(in_order[:8]) <= set(prompts)
    assert len(set(prompts)) == len(prompts), "no prompt is sent twice"
    sent = [prompt for prompt in prompts if prompt in in_order[:8]]
    assert results[2].prompts_sha256 == finished.results[0].prompts_sha256 == hash_of(sent)


def test_a_level_measured_again_has_fresh_prompts_of_the_same_lengths(
    make_request: MakeRequest,
) -> None:
    level = ("U(10,30)/(4,12)", 1)
    with KnownPaceServer(ttft_ms=5, tpot_ms=1) as server:
        request = make_request(server.api_base, scenarios=level[:1], concurrencies=(1,))
        with GenaiBench(request) as bench:
            first, second = bench.measure(level), bench.measure(level, take=2)
        prompts = [asked["prompt"] for asked in asked_of(server)]
    assert len(set(prompts)) == len(prompts)
    assert first.prompts_sha256 != second.prompts_sha256
    lengths = [[sample.asked_output_tokens for sample in r.samples] for r in (first, second)]
    assert lengths[0] == lengths[1]
    kept = [*request.folder.glob("take_1/U*.json"), *request.folder.glob("U*.json")]
    assert len(kept) == 2


def test_all_levels_begin_with_the_same_prompts_where_that_is_asked_for(
    make_request: MakeRequest,
) -> None:
    with KnownPaceServer(ttft_ms=5, tpot_ms=1) as server:
        changes: dict[str, Any] = {"concurrencies": (1, 2), "fresh_prompts": False}
        request = make_request(server.api_base, **changes)
        one, two = run_benchmark(request)
        prompts = [asked["prompt"] for asked in asked_of(server)]
    assert len(set(prompts)) < len(prompts)
    assert one.prompts_sha256 == two.prompts_sha256 == hash_of(prompts[:8])


def hash_of(prompts: list[str], output_tokens: int = 10) -> str:
    lines = [json.dumps([prompt, output_tokens]) + "\n" for prompt in prompts]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


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
