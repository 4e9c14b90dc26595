import sys
from pathlib import Path

import pytest

from tasks_app.expressions import ExpressionError
from tasks_app.runtimes import (
    Runtime,
    RuntimeCatalogue,
    RuntimeFileError,
    load_runtimes,
    read_runtime,
    site_runtimes,
)

ENGINE = """
name: my-engine
command: [my-server, --model, "{model_path}", --port, "{port}", "--name={served_model_name}"]
genai_bench_backend: openai
devices: tp-size * pp-size
flags:
  tp-size: {type: int, default: 1, values: [1, 2, 4], help: GPUs a layer is split over}
  pp-size: {type: int, default: 1}
  compile: {type: bool, default: true, negation: no}
  verbose: {type: bool, default: false}
  mode: {type: str, values: [fast, "on"]}
"""


@pytest.fixture
def engine(tmp_path: Path) -> Runtime:
    path = tmp_path / "my-engine.yaml"
    path.write_text(ENGINE)
    return read_runtime(path)


def command_line(runtime: Runtime, **parameters: object) -> list[str]:
    return runtime.command_line(
        {name.replace("_", "-"): value for name, value in parameters.items()},  # type: ignore[misc]
        model_path="/models/{port}/x y",
        served_model_name="name",
        host="127.0.0.1",
        port=8001,
    )


def test_it_fills_the_placeholders_once(engine: Runtime) -> None:
    assert command_line(engine) == [
        "my-server",
        "--model",
        "/models/{port}/x y",
        "--port",
        "8001",
        "--name=name",
    ]


@pytest.mark.parametrize(
    ("value", "arguments"),
    [
        ({"tp_size": 2}, ["--tp-size", "2"]),
        ({"mem": 0.75}, ["--mem", "0.75"]),
        ({"mode": "on"}, ["--mode", "on"]),
        ({"mode": None}, []),
        ({"verbose": True}, ["--verbose"]),
        ({"verbose": False}, []),
        ({"compile": True}, ["--compile"]),
        ({"compile": False}, ["--no-compile"]),
        ({"unlisted": False}, []),
        ({"cache": -1}, ["--cache", "-1"]),
    ],
)
def test_it_writes_flags_the_gnu_way(
    engine: Runtime, value: dict[str, object], arguments: list[str]
) -> None:
    assert command_line(engine, **value)[6:] == arguments


def test_it_starts_a_python_engine_with_the_site_s_interpreter(
    catalogue: RuntimeCatalogue,
) -> None:
    runtime = catalogue.get("llamacpp")
    assert command_line(runtime)[:3] == [sys.executable, "-m", "experiments_app.llamacpp.server"]


def container_command_line(runtime: Runtime) -> tuple[list[str] | None, list[str]]:
    return runtime.container_command_line(
        {"mode": "fast"}, model_path="/model", served_model_name="n", host="0.0.0.0", port=1
    )


def test_it_follows_the_image_s_own_entry_point_with_the_command(engine: Runtime) -> None:
    entrypoint, arguments = container_command_line(engine)
    assert entrypoint is None
    assert arguments == [
        *("my-server", "--model", "/model", "--port", "1", "--name=n"),
        *("--mode", "fast"),
    ]


@pytest.mark.parametrize(
    ("keys", "entrypoint", "first"),
    [
        ("entrypoint: [my-server]", ["my-server"], "--model"),
        ("entrypoint: [my-server, --model]", ["my-server", "--model"], "/model"),
        ("entrypoint: [/bin/own]", ["/bin/own"], "my-server"),
        ("container_command: [other, '{port}']", None, "other"),
        ("entrypoint: [x]\ncontainer_command: [x, serve, '{port}']", ["x"], "serve"),
    ],
)
def test_it_replaces_the_entry_point_and_says_its_words_once(
    tmp_path: Path, keys: str, entrypoint: list[str] | None, first: str
) -> None:
    (tmp_path / "my-engine.yaml").write_text(f"{ENGINE}{keys}\n")
    found, arguments = container_command_line(read_runtime(tmp_path / "my-engine.yaml"))
    assert found == entrypoint
    assert arguments[0] == first


def test_it_counts_the_devices_of_a_configuration(engine: Runtime) -> None:
    assert engine.device_count({}) == 1
    assert engine.device_count({"tp-size": 4, "pp-size": 2, "mode": "fast"}) == 8
    assert engine.device_count({"tp-size": None}) == 1
    with pytest.raises(ExpressionError, match="gives -2"):
        engine.device_count({"pp-size": -2})


def test_it_passes_the_number_of_devices_on(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text(
        "name: e\ncommand: [x, '{port}', '--gpus={devices}']\ngenai_bench_backend: vllm\n"
        "devices: 2\n"
    )
    assert command_line(read_runtime(tmp_path / "e.yaml"))[2] == "--gpus=2"


def test_it_ships_llamacpp_with_its_documented_defaults(catalogue: RuntimeCatalogue) -> None:
    runtime = catalogue.get("llamacpp")
    assert catalogue.broken == {}
    assert runtime.closed
    assert runtime.device_count({}) == 0
    assert runtime.genai_bench_backend == "vllm"
    assert runtime.flags["batch-size"].default == 2048
    assert runtime.flags["flash-attn"].values == ["on", "off", "auto"]
    assert all(flag.help and flag.moves for flag in runtime.flags.values())


def test_it_adds_and_overrides_by_file(tmp_path: Path) -> None:
    (tmp_path / "my-engine.yaml").write_text(ENGINE)
    own = ENGINE.replace("my-engine", "llamacpp")
    (tmp_path / "llamacpp.yaml").write_text(own)
    (tmp_path / "notes.txt").write_text("not a runtime")
    catalogue = load_runtimes(tmp_path)
    assert set(catalogue.names) == {"llamacpp", "my-engine", "sglang", "vllm"}
    assert catalogue.get("llamacpp").command[0] == "my-server"


def test_it_sees_a_file_that_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "my-engine.yaml"
    path.write_text(ENGINE)
    assert load_runtimes(tmp_path).get("my-engine").command[0] == "my-server"
    path.write_text(ENGINE.replace("my-server", "my-new-server"))
    assert load_runtimes(tmp_path).get("my-engine").command[0] == "my-new-server"


def test_it_does_without_a_folder_of_own_runtimes(tmp_path: Path) -> None:
    assert "llamacpp" in load_runtimes(tmp_path / "missing").names
    assert "llamacpp" in load_runtimes(None).names


def test_it_reads_the_site_s_own_runtimes(tmp_path: Path, settings: object) -> None:
    settings.AUTOTUNER_HOME = tmp_path  # type: ignore[attr-defined]
    (tmp_path / "runtimes").mkdir()
    (tmp_path / "runtimes" / "my-engine.yaml").write_text(ENGINE)
    assert "my-engine" in site_runtimes().names


def test_it_keeps_a_broken_file_from_breaking_the_others(tmp_path: Path) -> None:
    (tmp_path / "llamacpp.yaml").write_text("name: [")
    (tmp_path / "my-engine.yaml").write_text(ENGINE)
    catalogue = load_runtimes(tmp_path)
    assert set(catalogue.names) == {"my-engine", "sglang", "vllm"}
    with pytest.raises(RuntimeFileError, match=r"llamacpp\.yaml: line 1: not valid YAML"):
        catalogue.get("llamacpp")


def test_it_names_the_nearest_runtime(catalogue: RuntimeCatalogue) -> None:
    with pytest.raises(RuntimeFileError, match="did you mean 'llamacpp'"):
        catalogue.get("llama-cpp")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{port}", "{prot}", "command[4]: unknown placeholder {prot}"),
        ("{model_path}", "{}", "command[2]: unknown placeholder {}"),
        (
            '"{port}"',
            "{port}",
            'command[4]: must be text, not a mapping (write "{port}" in quotes)',
        ),
        ("{port}", "8000", "the command has no {port}"),
        ("command: [my-server,", "command: my-server #", "command: must be a list"),
        (
            "genai_bench_backend: openai",
            "genai_bench_backend: tgi",
            "genai_bench_backend: must be one of openai, vllm, sglang, not 'tgi'",
        ),
        ("genai_bench_backend: openai\n", "", "genai_bench_backend: is missing"),
        ("devices: tp-size * pp-size", "devices: tp-size *", "devices: is not an expression"),
        (
            "devices: tp-size * pp-size",
            "devices: dp-size",
            "devices names 'dp-size', which is not among the flags",
        ),
        (
            "devices: tp-size * pp-size",
            "devices: mode",
            "devices names 'mode', which needs a default",
        ),
        ("name: my-engine", "name: other", "the file must then be other.yaml"),
        ("name: my-engine", "name: my-engine\nhealth_path: health", "health_path"),
        (
            "name: my-engine",
            "name: my-engine\nimages: x",
            "images: unknown key 'images' (did you mean 'image'?)",
        ),
        (
            "type: int, default: 1}",
            "type: int, default: one}",
            "flags.pp-size: the default 'one' must be a whole number",
        ),
        (
            "type: int, default: 1}",
            "type: integer}",
            "flags.pp-size.type: must be one of int, float, bool, str, any, not 'integer'",
        ),
        (
            "type: int, default: 1}",
            "type: int, defualt: 1}",
            "flags.pp-size.defualt: unknown key 'defualt' (did you mean 'default'?)",
        ),
        (
            "type: int, default: 1}",
            "type: int, negation: no}",
            "negation is for flags of type bool",
        ),
        ("type: int, default: 1}", "type: int, low: 3, high: 2}", "low 3 is above high 2"),
        (
            "type: int, default: 1}",
            "type: str, low: 3}",
            "low and high are for flags of type int or float",
        ),
        ("values: [1, 2, 4]", "values: []", "flags.tp-size.values: must not be empty"),
        ("values: [1, 2, 4]", "values: [2, 4]", "flags.tp-size: the default 1 must be one of 2, 4"),
        ("  mode:", "  --mode:", "flags.--mode: flag '--mode' is written without leading dashes"),
        ("  mode:", "  port:", "the flag 'port' is set by the command already"),
        (
            "devices:",
            "environment: {A=B: x}\ndevices:",
            "'A=B' is not the name of an environment variable",
        ),
        ("devices:", "environment: {A: 1}\ndevices:", "environment.A: must be text, not 1"),
    ],
)
def test_it_names_file_and_key_of_what_is_wrong(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "my-engine.yaml"
    assert old in ENGINE
    path.write_text(ENGINE.replace(old, new))
    with pytest.raises(RuntimeFileError) as caught:
        read_runtime(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_it_reads_no_as_a_word_in_negation_whoever_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "my-engine.yaml"
    path.write_text(ENGINE.replace("negation: no", "negation: false"))
    assert read_runtime(path).flags["compile"].negation == "no"


def test_it_tells_whose_flag_a_flag_is(catalogue: RuntimeCatalogue) -> None:
    assert catalogue.owners_of("mem-fraction-static") == ("sglang",)
    assert catalogue.owners_of("ubatch-size") == ("llamacpp",)
    assert catalogue.owners_of("no-such-flag") == ()
