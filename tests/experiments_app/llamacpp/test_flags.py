import os
from functools import reduce
from pathlib import Path

import pytest
import xllamacpp

from experiments_app.llamacpp.flags import (
    FLAGS,
    SPELLINGS,
    EnumMember,
    FlagError,
    Value,
    parse_arguments,
)
from experiments_app.llamacpp.server import _parameters, _resolved
from tasks_app.runtimes import Flag, load_runtimes

CATALOGUE = load_runtimes(Path("no-such-folder")).get("llamacpp").flags


def refusal(*arguments: str) -> str:
    with pytest.raises(FlagError) as raised:
        parse_arguments(arguments)
    return str(raised.value)


@pytest.mark.parametrize("name", FLAGS)
def test_its_flags_all_name_a_parameter_of_the_library(name: str) -> None:
    *path, attribute = FLAGS[name].target.split(".")
    assert hasattr(reduce(getattr, path, xllamacpp.CommonParams()), attribute)


def check_taken(settings: dict[str, Value]) -> None:
    """The library's parameters hold what was set, read back from them."""
    assert settings
    host = str(settings.get("hostnames", "127.0.0.1"))
    parameters = _parameters(xllamacpp, settings, Path("model.gguf"), host)
    for target, value in settings.items():
        held = reduce(getattr, target.split("."), parameters)
        wanted = _resolved(xllamacpp, value)
        if target in {"model_alias", "hostnames"}:  # one text here, several there
            assert wanted in held
        elif isinstance(wanted, float):
            assert held == pytest.approx(wanted)
        else:
            assert held == wanted


def every_value() -> list[tuple[str, str]]:
    samples = ("1", "0.5", "on", "off", "auto", "q8_0", "distribute", "mmap", "layer", "yarn")
    found = []
    for name, flag in FLAGS.items():
        for sample in (*samples, "deepseek"):
            try:
                if flag.parse is not None:
                    flag.parse(sample)
                    found.append((name, sample))
            except FlagError:
                continue
    return found


@pytest.mark.parametrize(("name", "value"), every_value())
def test_its_values_are_all_taken_by_the_library(name: str, value: str) -> None:
    check_taken(parse_arguments([f"--{name}", value]))


@pytest.mark.parametrize(
    "spelling", [s for s, (_, value) in SPELLINGS.items() if value is not None]
)
def test_its_switches_are_all_taken_by_the_library(spelling: str) -> None:
    check_taken(parse_arguments([spelling]))


def offered_values(flag: Flag) -> list[object]:
    values = [flag.default, flag.low, flag.high, *(flag.values or [])]
    return [value for value in values if value is not None and not isinstance(value, bool)]


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_takes_what_the_runtimes_catalogue_offers(name: str) -> None:
    flag = CATALOGUE[name]
    given = [[f"--{name}", str(value)] for value in offered_values(flag)]
    if flag.type == "bool":
        given += [[f"--{name}"], *([[f"--{flag.negation}-{name}"]] if flag.negation else [])]
    for arguments in given:
        assert parse_arguments(arguments), arguments


def test_it_knows_llama_servers_short_names() -> None:
    assert parse_arguments(["-t", "2", "-np", "4", "-fa", "on"]) == {
        "cpuparams.n_threads": 2,
        "n_parallel": 4,
        "flash_attn_type": EnumMember("llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_ENABLED"),
    }


def test_it_takes_the_last_of_a_repeated_flag() -> None:
    assert parse_arguments(["--parallel", "2", "--parallel", "8"]) == {"n_parallel": 8}


def test_it_turns_a_switch_on_and_off() -> None:
    assert parse_arguments(["--cont-batching"]) == {"cont_batching": True}
    assert parse_arguments(["--no-cont-batching"]) == {"cont_batching": False}
    assert parse_arguments(["--no-repack"]) == {"no_extra_bufts": True}
    assert parse_arguments(["--repack"]) == {"no_extra_bufts": False}


def test_it_takes_no_threads_for_every_cpu() -> None:
    assert parse_arguments(["--threads", "-1"]) == {"cpuparams.n_threads": os.cpu_count()}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--paralel", "2"], "unknown flag --paralel: did you mean --parallel?"),
        (["--no-cont-baching"], "did you mean --no-cont-batching?"),
        (["--tensor-parallel-size", "2"], "unknown flag --tensor-parallel-size"),
        (["--parallel"], "flag --parallel needs a value"),
        (["--parallel", "two"], "invalid value for --parallel: 'two' is not a whole number"),
        (["--parallel", "0"], "'0' is neither -1 (auto) nor 1 or more"),
        (["--ubatch-size", "0"], "invalid value for --ubatch-size: '0' is not 1 or more"),
        (["--port", "70000"], "'70000' is not from 0 to 65535"),
        (["--flash-attn", "yes"], "invalid value for --flash-attn: 'yes' is none of on, off, auto"),
        (["--cache-type-k", "q8"], "'q8' is none of f32, f16, bf16, q8_0"),
        (["--gpu-layers", "most"], "'most' is not a whole number or auto, all"),
        (["--cont-batching", "true"], "unexpected argument 'true'"),
        (["--rope-freq-base", "x"], "'x' is not a number"),
    ],
)
def test_it_says_what_is_wrong_with_a_command_line(arguments: list[str], told: str) -> None:
    assert told in refusal(*arguments)
