"""Scripts, checked by shellcheck and run by a real shell."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from experiments_app.artefacts.base import Artefact
from experiments_app.artefacts.shell import NO_FLAGS, command, docker_run, flags
from experiments_app.containers.recorded import read_shell_command
from tests.experiments_app.artefacts.hostile import (
    ARGUMENTS,
    CONTAINER,
    ENVIRONMENT,
    SECRET,
    subject,
    with_container,
)

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
# Prints what it was started with.
TELLS = "#!/bin/sh\nprintf '%s\\0' \"$@\"\nprintf '\\0\\0'\nenv -0\n"


def ran(made: Artefact | None, folder: Path, program: str) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment that the script gives `program`."""
    assert made is not None
    (folder / program).write_text(TELLS)
    (folder / program).chmod(0o755)
    script = folder / made.file_name
    script.write_text(made.file_text)
    own = {"PATH": f"{folder}:{os.environ['PATH']}", "HF_TOKEN": SECRET}
    told = subprocess.run(["sh", str(script)], env=own, capture_output=True, check=True)
    words, _, variables = told.stdout.decode().partition("\0\0\0")
    pairs = (entry.partition("=") for entry in variables.split("\0") if entry)
    return words.split("\0"), {name: value for name, _, value in pairs}


def shellcheck(made: Artefact | None, folder: Path) -> None:
    assert made is not None
    script = folder / made.file_name
    script.write_text(made.file_text)
    told = subprocess.run(
        # What looks like a variable, or like a quote that was to be escaped, is meant as it stands.
        [SHELLCHECK, "--shell=sh", "--exclude=SC2016,SC1003", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("make", [command, docker_run])
def test_shellcheck_finds_nothing(make: type, tmp_path: Path) -> None:
    shellcheck(make(subject()), tmp_path)


def test_the_flags_are_what_a_shell_reads() -> None:
    made = flags(subject())
    assert made is not None
    assert tuple(shlex.split(made.text)) == ARGUMENTS
    assert flags(subject(flags=())).text == NO_FLAGS  # type: ignore[union-attr]


def test_the_script_starts_the_process_that_was_measured(tmp_path: Path) -> None:
    measured = subject(command=("engine", *ARGUMENTS))
    words, environment = ran(command(measured), tmp_path, "engine")
    assert tuple(words) == ARGUMENTS
    assert environment.items() >= {**ENVIRONMENT, "HF_TOKEN": SECRET}.items()


def test_the_script_refuses_to_start_without_its_secrets(tmp_path: Path) -> None:
    made = command(subject())
    assert made is not None
    told = subprocess.run(
        ["sh", "-c", made.file_text], env={}, capture_output=True, text=True, check=False
    )
    assert told.returncode != 0
    assert "HF_TOKEN" in told.stderr


def test_the_script_gives_docker_what_was_measured(tmp_path: Path) -> None:
    words, environment = ran(docker_run(subject()), tmp_path, "docker")
    assert ["docker", *words] == CONTAINER.shell_command()
    assert environment["HF_TOKEN"] == SECRET


def blanked(environment: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    return {name: "" if name in secrets else value for name, value in environment.items()}


def test_a_recorded_command_is_read_back_as_it_was() -> None:
    for container in (
        CONTAINER,
        replace(CONTAINER, network="bridge", gpu_ids=(), gpus=3, entrypoint=None),
        replace(CONTAINER, ulimits={}, mounts=(), cpus=None, memory_bytes=None, gpu_ids=(), gpus=0),
    ):
        found = read_shell_command(container.shell_command(), port=8017)
        known = blanked(container.environment, [*container.secrets])
        assert found == replace(container, environment=known)


def test_it_says_that_a_local_image_is_known_here_alone() -> None:
    made = docker_run(with_container(image="sha256:3f9c"))
    assert made is not None
    assert any("No registry" in note for note in made.notes)
