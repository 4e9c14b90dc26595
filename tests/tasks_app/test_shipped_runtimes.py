"""The runtimes that come with the site: how each is started, and what its catalogue may say."""

import pytest

from tasks_app.expressions import Scalar
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import Runtime, RuntimeCatalogue
from tasks_app.spec import validate_spec

SHIPPED = ("llamacpp", "sglang", "vllm")
OPEN = ("sglang", "vllm")


@pytest.fixture(params=SHIPPED)
def runtime(request: pytest.FixtureRequest, catalogue: RuntimeCatalogue) -> Runtime:
    return catalogue.get(request.param)


def started_here(runtime: Runtime, **parameters: Scalar) -> list[str]:
    return runtime.command_line(
        {name.replace("_", "-"): value for name, value in parameters.items()},
        model_path="/models/small",
        served_model_name="small",
        host="127.0.0.1",
        port=8001,
    )


def started_in_a_container(
    runtime: Runtime, **parameters: Scalar
) -> tuple[list[str] | None, list[str]]:
    return runtime.container_command_line(
        {name.replace("_", "-"): value for name, value in parameters.items()},
        model_path="/model",
        served_model_name="small",
        host="0.0.0.0",
        port=8001,
    )


def messages(catalogue: RuntimeCatalogue, runtime: str, **flags: Scalar) -> list[str]:
    """Problems of a task that fixes these flags, or its warnings where there are none."""
    document = {
        "task_name": "any",
        "base_runtime": runtime,
        "model": {"id_or_path": "org/small"},
        "parameters": {"threads" if runtime == "llamacpp" else "max-lora-rank": [1, 16]},
        "fixed_parameters": {name.replace("__", "-"): value for name, value in flags.items()},
    }
    found: tuple[Problem, ...] | list[Problem]
    try:
        found = validate_spec(document, catalogue=catalogue)[1]
    except SpecError as error:
        found = error.problems
    return [str(problem).removeprefix("fixed_parameters.") for problem in found]


def test_it_ships_these_and_all_can_be_read(catalogue: RuntimeCatalogue) -> None:
    assert catalogue.broken == {}
    assert catalogue.names == SHIPPED


def test_it_starts_sglang_here(catalogue: RuntimeCatalogue) -> None:
    assert started_here(catalogue.get("sglang"), tp_size=2, disable_radix_cache=True) == [
        *("sglang", "serve", "--model-path", "/models/small"),
        *("--host", "127.0.0.1", "--port", "8001", "--served-model-name", "small"),
        *("--tp-size", "2", "--disable-radix-cache"),
    ]


def test_it_starts_vllm_here(catalogue: RuntimeCatalogue) -> None:
    assert started_here(catalogue.get("vllm"), max_num_seqs=64, enforce_eager=True) == [
        *("vllm", "serve", "/models/small"),
        *("--host", "127.0.0.1", "--port", "8001", "--served-model-name", "small"),
        *("--max-num-seqs", "64", "--enforce-eager"),
    ]


def test_it_keeps_the_entry_point_of_sglang_s_image(catalogue: RuntimeCatalogue) -> None:
    entrypoint, arguments = started_in_a_container(catalogue.get("sglang"), tp_size=2)
    assert entrypoint is None
    assert arguments[:5] == ["python3", "-m", "sglang.launch_server", "--model-path", "/model"]
    assert arguments[-2:] == ["--tp-size", "2"]


def test_it_replaces_the_entry_point_of_vllm_s_image(catalogue: RuntimeCatalogue) -> None:
    entrypoint, arguments = started_in_a_container(catalogue.get("vllm"), dtype="bfloat16")
    assert entrypoint == ["vllm"]
    assert arguments[:4] == ["serve", "/model", "--host", "0.0.0.0"]
    assert arguments[-2:] == ["--dtype", "bfloat16"]


def test_it_runs_the_server_of_llama_cpp_s_image_not_ours(catalogue: RuntimeCatalogue) -> None:
    entrypoint, arguments = started_in_a_container(catalogue.get("llamacpp"), threads=4)
    assert entrypoint == ["/app/llama-server"]
    assert arguments[:2] == ["--model", "/model"]
    assert arguments[-2:] == ["--threads", "4"]


@pytest.mark.parametrize(
    ("flags", "gpus"),
    [
        ({}, 1),
        ({"tp-size": 4}, 4),
        ({"tp-size": 2, "pp-size": 2, "dp-size": 2}, 8),
        ({"tp-size": 4, "dp-size": 4, "enable-dp-attention": True}, 4),
        ({"tp-size": 4, "dp-size": 2, "enable-dp-attention": False}, 8),
        ({"tp-size": 4, "attn-dp-size": 4}, 4),
        ({"tp-size": None}, 1),
    ],
)
def test_it_counts_the_gpus_of_sglang(
    catalogue: RuntimeCatalogue, flags: dict[str, Scalar], gpus: int
) -> None:
    assert catalogue.get("sglang").device_count(flags) == gpus


@pytest.mark.parametrize(
    ("flags", "gpus"),
    [
        ({}, 1),
        ({"tensor-parallel-size": 8}, 8),
        (
            {"tensor-parallel-size": 2, "pipeline-parallel-size": 2, "data-parallel-size": 2},
            8,
        ),
        ({"tensor-parallel-size": 4, "enable-expert-parallel": True}, 4),
        ({"tensor-parallel-size": 2, "decode-context-parallel-size": 2}, 2),
    ],
)
def test_it_counts_the_gpus_of_vllm(
    catalogue: RuntimeCatalogue, flags: dict[str, Scalar], gpus: int
) -> None:
    assert catalogue.get("vllm").device_count(flags) == gpus


def test_it_writes_true_and_false_as_the_engine_reads_them(runtime: Runtime) -> None:
    switches = {name: flag for name, flag in runtime.flags.items() if flag.type == "bool"}
    assert switches
    for name, flag in switches.items():
        assert runtime.flag_arguments({name: True}) == [f"--{name}"]
        off = [f"--no-{name}"] if flag.negation else []
        assert runtime.flag_arguments({name: False}) == off


def test_a_switch_that_is_on_by_itself_can_be_turned_off(runtime: Runtime) -> None:
    on = {name: flag for name, flag in runtime.flags.items() if flag.default is True}
    assert [name for name, flag in on.items() if not flag.negation] == []


def test_null_leaves_any_flag_out(runtime: Runtime) -> None:
    everything: dict[str, Scalar] = dict.fromkeys([*runtime.flags, *runtime.other_flags])
    assert runtime.flag_arguments(everything) == []
    assert not any("None" in argument for argument in started_here(runtime))


def test_every_flag_is_described(runtime: Runtime) -> None:
    for name, flag in runtime.flags.items():
        assert flag.help.endswith("."), name
        assert "\n" not in flag.help, name
        assert flag.moves, name
        assert len(set(flag.moves)) == len(flag.moves), name


def test_a_default_is_among_the_values(runtime: Runtime) -> None:
    for name, flag in runtime.flags.items():
        assert flag.problem_with(flag.default) is None, name
        values = flag.values or []
        assert len(set(map(repr, values))) == len(values), name


@pytest.mark.parametrize("name", OPEN)
def test_the_catalogue_says_which_version_it_was_made_from(
    catalogue: RuntimeCatalogue, name: str
) -> None:
    runtime = catalogue.get(name)
    assert name in runtime.made_from.lower()
    assert any(letter.isdigit() for letter in runtime.made_from)
    assert runtime.other_flags == sorted(runtime.other_flags)


@pytest.mark.parametrize("name", OPEN)
def test_it_has_the_flags_that_a_run_on_the_cpu_needs(
    catalogue: RuntimeCatalogue, name: str
) -> None:
    needed = {
        "sglang": {
            *("device", "attention-backend", "sampling-backend", "disable-cuda-graph"),
            *("disable-overlap-schedule", "skip-server-warmup", "max-total-tokens"),
        },
        "vllm": {
            *("dtype", "max-model-len", "enforce-eager", "max-num-seqs", "max-num-batched-tokens"),
        },
    }
    assert needed[name] <= set(catalogue.get(name).flags)


def test_no_task_sets_what_the_command_sets(runtime: Runtime) -> None:
    assert {"host", "port"} <= runtime.reserved_flags
    assert not runtime.reserved_flags & set(runtime.flags)


@pytest.mark.parametrize(
    ("runtime_name", "flag", "value"),
    [("sglang", "decode-log-interval", 10), ("vllm", "disable-log-stats", True)],
)
def test_a_real_flag_passes_without_a_word(
    catalogue: RuntimeCatalogue, runtime_name: str, flag: str, value: Scalar
) -> None:
    assert messages(catalogue, runtime_name, **{flag: value}) == []


@pytest.mark.parametrize("name", OPEN)
def test_a_flag_newer_than_the_catalogue_passes_with_a_warning(
    catalogue: RuntimeCatalogue, name: str
) -> None:
    [warning] = messages(catalogue, name, **{"enable-warp-drive": True})
    assert "enable-warp-drive" in warning
    assert "passed on unchecked" in warning
    assert catalogue.get(name).made_from in warning


@pytest.mark.parametrize(
    ("runtime_name", "slip", "meant"),
    [
        ("sglang", "mem-fraction-statik", "mem-fraction-static"),
        ("sglang", "chunked-prefil-size", "chunked-prefill-size"),
        ("sglang", "pt-size", "tp-size"),
        ("vllm", "max-num-seq", "max-num-seqs"),
        ("vllm", "gpu-memory-utilisation", "gpu-memory-utilization"),
        ("vllm", "gpu-memoryutilization", "gpu-memory-utilization"),
    ],
)
def test_a_slip_is_refused_with_the_name_that_was_meant(
    catalogue: RuntimeCatalogue, runtime_name: str, slip: str, meant: str
) -> None:
    [problem] = messages(catalogue, runtime_name, **{slip: 1})
    assert f"did you mean {meant!r}?" in problem


@pytest.mark.parametrize("name", ["api-key", "ssl-keyfile", "config"])
@pytest.mark.parametrize("runtime_name", OPEN)
def test_it_refuses_flags_that_would_cut_the_site_off(
    catalogue: RuntimeCatalogue, runtime_name: str, name: str
) -> None:
    [problem] = messages(catalogue, runtime_name, **{name: "x"})
    assert problem.startswith(f"{name}: --{name} is not for a task to set")


def test_a_switch_is_turned_off_by_false_not_by_its_other_name(catalogue: RuntimeCatalogue) -> None:
    [problem] = messages(catalogue, "vllm", **{"no-enable-prefix-caching": True})
    assert problem.endswith("(write enable-prefix-caching: false)")


def test_a_key_of_a_flag_that_takes_an_object_passes_where_the_engine_has_that(
    catalogue: RuntimeCatalogue,
) -> None:
    assert messages(catalogue, "vllm", **{"speculative-config.method": "ngram"}) == []
    [warning] = messages(catalogue, "sglang", **{"cuda-graph-config.method": "x"})
    assert "passed on unchecked" in warning


@pytest.mark.parametrize(
    ("runtime_name", "name", "meant"),
    [
        ("sglang", "tp", "tp-size"),
        ("sglang", "tensor", "tp-size"),
        ("sglang", "por", "port"),
        ("sglang", "api", "api-key"),
        ("vllm", "tensor", "tensor-parallel-size"),
        ("vllm", "por", "port"),
    ],
)
def test_no_flag_that_the_site_must_know_of_is_set_by_its_beginning(
    catalogue: RuntimeCatalogue, runtime_name: str, name: str, meant: str
) -> None:
    [problem] = messages(catalogue, runtime_name, **{name: 2})
    assert problem.startswith(f"{name}: {name!r} may be taken for the beginning of --{meant}")


@pytest.mark.parametrize("name", ["speculative", "mem-fraction"])
def test_the_beginning_of_any_other_flag_passes_with_a_warning(
    catalogue: RuntimeCatalogue, name: str
) -> None:
    [warning] = messages(catalogue, "sglang", **{name: 2})
    assert "passed on unchecked" in warning


def test_a_task_writes_one_name_of_a_flag(catalogue: RuntimeCatalogue) -> None:
    [problem] = messages(catalogue, "sglang", **{"tensor-parallel-size": 2})
    assert problem == (
        "tensor-parallel-size: 'tensor-parallel-size' is another name of 'tp-size' (write tp-size)"
    )


def test_no_real_flag_is_taken_for_a_slip_of_another(catalogue: RuntimeCatalogue) -> None:
    """As if each were new: how many of the engines' own names would have been blocked."""
    from tasks_app.slips import slip_of

    for name in OPEN:
        known = catalogue.flags_of(name)
        blocked = [flag for flag in known if slip_of(flag, known - {flag})]
        assert len(blocked) <= len(known) * 0.01, blocked
