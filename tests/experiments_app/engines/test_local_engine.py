import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from experiments_app.engines import ENGINES
from experiments_app.engines.base import EngineError, FailureKind, Launch
from experiments_app.engines.local_engine import LocalEngine, LocalServer, server_environment
from experiments_app.processes import find_marked, group_members

from .conftest import SMALL_SERVER, MakeLaunch

READY_TIMEOUT_S = 30.0


class Cancelled(Exception):
    pass


def no_check() -> None:
    pass


def start(launch: Launch) -> LocalServer:
    return LocalEngine().start(launch)


def wait_for_failure(launch: Launch, timeout_s: float = READY_TIMEOUT_S) -> EngineError:
    with start(launch) as server, pytest.raises(EngineError) as raised:
        server.wait_ready(timeout_s, no_check)
    assert_nothing_left(launch, server)
    return raised.value


def assert_nothing_left(launch: Launch, server: LocalServer) -> None:
    assert group_members(server.identity.pid) == []
    assert find_marked(launch.marker) == []


def test_it_is_registered_under_its_name() -> None:
    assert isinstance(ENGINES["local"](), LocalEngine)


def test_it_serves_the_real_model_and_leaves_nothing_behind(
    llamacpp: MakeLaunch, smollm2: Path
) -> None:
    launch = llamacpp(smollm2)
    with start(launch) as server:
        ready_s = server.wait_ready(READY_TIMEOUT_S, no_check)
        assert server.alive()
        server.check_alive()
    assert 0 < ready_s < READY_TIMEOUT_S
    assert not server.alive()
    assert_nothing_left(launch, server)
    assert "model loaded" in launch.log_path.read_text()


def test_it_runs_a_users_own_server(small_server: MakeLaunch) -> None:
    launch = small_server()
    with start(launch) as server:
        assert server.wait_ready(READY_TIMEOUT_S, no_check) < 5
    assert_nothing_left(launch, server)


def test_it_names_the_nearest_flag_for_an_unknown_one(
    llamacpp: MakeLaunch, tiny_model: Path
) -> None:
    error = wait_for_failure(llamacpp(tiny_model, "--paralel", "2"))
    assert error.kind == FailureKind.BAD_FLAG
    assert "unknown flag --paralel: did you mean --parallel?" in error.message


def test_it_reports_a_bad_value(llamacpp: MakeLaunch, tiny_model: Path) -> None:
    error = wait_for_failure(llamacpp(tiny_model, "--cache-type-k", "q9_0"))
    assert error.kind == FailureKind.BAD_FLAG
    assert "'q9_0' is none of f32, f16" in error.message


def test_it_reports_flags_that_llamacpp_refuses_together(
    llamacpp: MakeLaunch, tiny_model: Path
) -> None:
    error = wait_for_failure(llamacpp(tiny_model, "--flash-attn", "off", "--cache-type-v", "q8_0"))
    assert error.kind == FailureKind.BAD_FLAG
    assert "quantized V cache requires flash_attn" in error.message


def test_it_reports_a_missing_model(llamacpp: MakeLaunch, tmp_path: Path) -> None:
    error = wait_for_failure(llamacpp(tmp_path / "absent.gguf"))
    assert error.kind == FailureKind.MODEL_NOT_FOUND
    assert "absent.gguf does not exist" in error.message


def test_it_reports_a_model_cut_in_half(
    llamacpp: MakeLaunch, tiny_model: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.gguf"
    half.write_bytes(tiny_model.read_bytes()[: tiny_model.stat().st_size // 2])
    error = wait_for_failure(llamacpp(half))
    assert error.kind == FailureKind.MODEL_BROKEN
    assert "half.gguf is cut" in error.message
    assert "Last lines of its log" in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not keep to ulimit -v")
def test_it_reports_a_server_out_of_memory(llamacpp: MakeLaunch, smollm2: Path) -> None:
    launch = llamacpp(smollm2, "--ctx-size", "100000", "--fit", "off")
    limited = ["sh", "-c", 'ulimit -v 900000; exec "$@"', "sh", *launch.command]
    error = wait_for_failure(llamacpp(smollm2, command=limited))
    assert error.kind == FailureKind.OUT_OF_MEMORY
    assert "failed to allocate" in error.message


def test_it_refuses_a_port_that_is_taken(small_server: MakeLaunch, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), pytest.raises(EngineError) as raised:
        start(small_server())
    assert raised.value.kind == FailureKind.PORT_TAKEN
    assert str(port) in raised.value.message


def test_it_sees_that_a_foreign_server_answers_in_its_place(
    small_server: MakeLaunch, port: int
) -> None:
    foreign = [sys.executable, str(SMALL_SERVER), "--port", str(port), "--name", "own"]
    with (
        start(small_server("--slow-start", "60")) as server,
        subprocess.Popen(foreign, stdout=subprocess.DEVNULL) as process,
    ):
        try:
            with pytest.raises(EngineError) as raised:
                server.wait_ready(READY_TIMEOUT_S, no_check)
        finally:
            process.kill()
    assert raised.value.kind == FailureKind.PORT_TAKEN
    assert "Another process answers" in raised.value.message


def test_it_sees_at_once_that_the_server_was_killed(small_server: MakeLaunch) -> None:
    with start(small_server("--slow-start", "60")) as server:
        killed_at_s = time.monotonic() + 0.5
        threading.Timer(0.5, os.kill, (server.identity.pid, signal.SIGKILL)).start()
        with pytest.raises(EngineError) as raised:
            server.wait_ready(READY_TIMEOUT_S, no_check)
        assert time.monotonic() - killed_at_s < 1.0
    assert raised.value.kind == FailureKind.CRASHED
    assert "SIGKILL" in raised.value.message
    assert "last line" in raised.value.log_tail


def test_it_reports_a_server_that_ends_by_itself(small_server: MakeLaunch) -> None:
    error = wait_for_failure(small_server("--exit", "3"))
    assert error.kind == FailureKind.OTHER
    assert "RuntimeError: told to end (it ended with exit code 3)" in error.message


def test_it_reports_a_server_that_died_while_it_was_used(
    llamacpp: MakeLaunch, tiny_model: Path
) -> None:
    with start(llamacpp(tiny_model)) as server:
        server.wait_ready(READY_TIMEOUT_S, no_check)
        os.kill(server.identity.pid, signal.SIGSEGV)
        while server.alive():
            time.sleep(0.01)
        with pytest.raises(EngineError) as raised:
            server.check_alive()
    assert raised.value.kind == FailureKind.CRASHED
    assert "SIGSEGV" in raised.value.message


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("loading", "/health answers HTTP 503"),
        ("hang", "/health"),
        ("stall", "healthy but has not finished a streamed completion"),
    ],
)
def test_it_gives_up_after_the_time_limit(small_server: MakeLaunch, answer: str, told: str) -> None:
    started_at_s = time.monotonic()
    error = wait_for_failure(small_server("--answer", answer), timeout_s=1.0)
    assert time.monotonic() - started_at_s < 3.0
    assert error.kind == FailureKind.TIME_OUT
    assert told in error.message
    assert "after 1 s" in error.message


def test_it_is_not_ready_under_another_model_name(small_server: MakeLaunch) -> None:
    error = wait_for_failure(small_server(served_model_name="other"))
    assert error.kind == FailureKind.OTHER
    assert "HTTP 404" in error.message
    assert "The model does not exist" in error.message


def test_it_is_not_ready_without_a_streamed_token(small_server: MakeLaunch) -> None:
    error = wait_for_failure(small_server("--answer", "empty"))
    assert "not one streamed token" in error.message


def test_it_tells_a_server_killed_in_its_first_answer_from_one_without_tokens(
    small_server: MakeLaunch,
) -> None:
    error = wait_for_failure(small_server("--answer", "die"))
    assert error.kind == FailureKind.CRASHED
    assert "SIGKILL" in error.message


def test_it_stops_waiting_when_it_is_cancelled(small_server: MakeLaunch) -> None:
    launch = small_server("--answer", "hang")
    cancel_at_s = time.monotonic() + 0.5

    def check() -> None:
        if time.monotonic() > cancel_at_s:
            raise Cancelled

    with pytest.raises(Cancelled), start(launch) as server:
        server.wait_ready(READY_TIMEOUT_S, check)
    assert time.monotonic() - cancel_at_s < 2.0
    assert_nothing_left(launch, server)


def test_it_ends_a_server_that_ignores_sigterm(small_server: MakeLaunch) -> None:
    launch = small_server("--ignore-sigterm", "--child", stop_grace_s=0.3)
    with start(launch) as server:
        server.wait_ready(READY_TIMEOUT_S, no_check)
        stopping_at_s = time.monotonic()
    assert 0.3 <= time.monotonic() - stopping_at_s < 3.0
    assert_nothing_left(launch, server)


def test_it_ends_a_child_that_left_the_group(small_server: MakeLaunch) -> None:
    launch = small_server("--runaway")
    with start(launch) as server:
        server.wait_ready(READY_TIMEOUT_S, no_check)
        assert len(find_marked(launch.marker)) == 2
    assert_nothing_left(launch, server)


def test_it_may_be_stopped_twice(small_server: MakeLaunch) -> None:
    server = start(small_server())
    server.stop()
    server.stop()
    assert not server.alive()


def test_it_keeps_the_first_and_the_last_part_of_a_flooding_log(
    small_server: MakeLaunch,
) -> None:
    launch = small_server("--flood", "20000000", log_limit_bytes=1_000_000)
    with start(launch) as server:
        server.wait_ready(READY_TIMEOUT_S, no_check)
        assert "last line" in server.log_tail()
    text = launch.log_path.read_text()
    assert text.startswith("first line\n")
    assert "bytes left out" in text
    assert "last line" in text[-1000:]
    assert len(text) < 1_001_000
    assert server.log_incomplete is not None
    assert "left out" in server.log_incomplete


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_it_runs_and_tells_the_cause_though_the_disk_is_full(small_server: MakeLaunch) -> None:
    launch = small_server(log_path=Path("/dev/full"))
    with start(launch) as server:
        server.wait_ready(READY_TIMEOUT_S, no_check)
        assert server.log_incomplete is not None
        assert "No space left on device" in server.log_incomplete
        os.kill(server.identity.pid, signal.SIGKILL)
        while server.alive():
            time.sleep(0.01)
        with pytest.raises(EngineError) as raised:
            server.check_alive()
    assert "last line" in raised.value.log_tail


def test_it_reports_a_command_that_does_not_exist(small_server: MakeLaunch) -> None:
    with pytest.raises(EngineError) as raised:
        start(small_server(command=["no-such-server", "--port", "1"]))
    assert raised.value.kind == FailureKind.COMMAND_NOT_FOUND
    assert "no-such-server" in raised.value.message


def test_it_passes_no_secrets_of_ours_on(
    small_server: MakeLaunch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "ours")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    environment = server_environment(small_server(environment={"HF_TOKEN": "theirs"}))
    assert "ours" not in environment.values()
    assert environment["HF_TOKEN"] == "theirs"
    assert environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert environment["AUTOTUNER_EXPERIMENT"].startswith("test-")


def test_it_runs_the_python_that_runs_us(small_server: MakeLaunch) -> None:
    path = server_environment(small_server())["PATH"]
    assert path.split(os.pathsep)[0] == str(Path(sys.executable).parent)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_its_llamacpp_server_dies_with_us(llamacpp: MakeLaunch, tiny_model: Path) -> None:
    launch = llamacpp(tiny_model)
    script = (
        "from pathlib import Path; import os, signal;"
        "from experiments_app.engines import ENGINES, Launch;"
        f"launch = Launch({launch.command!r}, {launch.host!r}, {launch.port}, '/health', 'served',"
        f" Path({str(launch.log_path)!r}), {launch.marker!r});"
        "server = ENGINES['local']().start(launch); server.wait_ready(30, lambda: None);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.run([sys.executable, "-c", script], cwd=Path.cwd(), check=False)
    assert process.returncode == -signal.SIGKILL
    deadline_s = time.monotonic() + 60
    while find_marked(launch.marker) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert find_marked(launch.marker) == []
