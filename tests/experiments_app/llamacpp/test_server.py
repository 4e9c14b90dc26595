import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments_app.llamacpp.server import ExitCode
from experiments_app.processes import physical_core_count

from .conftest import Serve


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Start the launcher where it must end by itself."""
    command = [sys.executable, "-m", "experiments_app.llamacpp.server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.splitlines()[-1]


def test_it_has_llama_servers_documented_defaults(serve: Serve, tiny_model: Path) -> None:
    with serve(tiny_model) as server:
        slots = server.get("/slots")
        log = server.log
    # --parallel -1 (auto) is four slots over one unified KV cache; --ctx-size 0 is the model's.
    assert [slot["n_ctx"] for slot in slots] == [2048] * 4
    assert "kv_unified = 'true'" in log
    assert f"n_threads = {physical_core_count()}\n" in log


def test_it_hands_the_flags_to_llamacpp(serve: Serve, tiny_model: Path) -> None:
    flags = ("--threads", "1", "--parallel", "2", "--ctx-size", "1024", "--alias", "my-name")
    with serve(tiny_model, *flags, "--metrics") as server:
        slots = server.get("/slots")
        models = server.get("/v1/models")
        log = server.log
    assert [slot["n_ctx"] for slot in slots] == [512, 512]
    assert models["data"][0]["id"] == "my-name"
    assert "n_threads = 1\n" in log


def test_it_streams_a_chat_completion(serve: Serve, tiny_model: Path) -> None:
    body = {
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 8,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    with serve(tiny_model) as server, server.post("/v1/chat/completions", body) as answer:
        events = [line[6:] for line in answer if line.startswith(b"data: ")]
    assert events[-1].strip() == b"[DONE]"
    assert json.loads(events[-2])["usage"]["completion_tokens"] == 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_code_0_on_a_signal(
    serve: Serve, tiny_model: Path, number: signal.Signals
) -> None:
    with serve(tiny_model) as server:
        server.process.send_signal(number)
        assert server.process.wait(timeout=60) == ExitCode.OK


def test_it_ends_promptly_while_a_request_is_served(serve: Serve, tiny_model: Path) -> None:
    body = {
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 100_000,
        "ignore_eos": True,
        "stream": True,
    }
    with serve(tiny_model) as server, server.post("/v1/chat/completions", body) as answer:
        answer.readline()
        stopping_at_s = time.monotonic()
        server.process.terminate()
        assert server.process.wait(timeout=60) == ExitCode.OK
        assert time.monotonic() - stopping_at_s < 3


def test_it_refuses_an_unknown_flag_with_the_nearest_name(tiny_model: Path) -> None:
    done = run("--model", str(tiny_model), "--ubatchsize", "8")
    assert done.returncode == ExitCode.BAD_FLAG
    assert done.stderr == "error: unknown flag --ubatchsize: did you mean --ubatch-size?\n"


def test_it_refuses_to_start_without_a_model() -> None:
    done = run("--port", "8080")
    assert done.returncode == ExitCode.BAD_FLAG
    assert "flag --model is missing" in last_line(done)


def test_it_reports_a_missing_model(tmp_path: Path) -> None:
    done = run("--model", str(tmp_path / "absent.gguf"))
    assert done.returncode == ExitCode.MODEL_NOT_FOUND
    assert last_line(done) == f"error: model file {tmp_path / 'absent.gguf'} does not exist"


@pytest.mark.parametrize(("share", "told"), [(0.5, "is cut"), (0.004, "ends within its header")])
def test_it_reports_a_model_that_was_cut(
    tiny_model: Path, tmp_path: Path, port: int, share: float, told: str
) -> None:
    content = tiny_model.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(content[: int(len(content) * share)])
    done = run("--model", str(cut), "--port", str(port))
    assert done.returncode == ExitCode.MODEL_BROKEN
    assert told in done.stderr


def test_it_reports_a_file_that_is_no_model(tmp_path: Path, port: int) -> None:
    (tmp_path / "notes.gguf").write_text("these are notes")
    done = run("--model", str(tmp_path / "notes.gguf"), "--port", str(port))
    assert done.returncode == ExitCode.MODEL_BROKEN
    assert "is not a GGUF file" in done.stderr  # llama.cpp may write a line after it


def test_it_reports_a_port_that_is_taken(tiny_model: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = run("--model", str(tiny_model), "--port", str(port))
    assert done.returncode == ExitCode.PORT_TAKEN
    assert last_line(done) == f"error: port {port} on 127.0.0.1 is taken"


def test_it_points_to_llamacpps_own_words_for_any_other_cause(tiny_model: Path, port: int) -> None:
    flags = ("--flash-attn", "off", "--cache-type-v", "q8_0")
    done = run("--model", str(tiny_model), "--port", str(port), *flags)
    assert done.returncode == ExitCode.FAILED
    assert "quantized V cache requires flash_attn" in done.stderr + done.stdout
    assert "its own lines above say why" in last_line(done)


def test_it_lists_its_flags() -> None:
    done = run("--help")
    assert done.returncode == ExitCode.OK
    assert "--ubatch-size VALUE" in done.stdout
    assert "--cont-batching, --no-cont-batching" in done.stdout
