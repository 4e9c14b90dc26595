"""Units, checked and read by systemd itself."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from experiments_app.artefacts.subject import Subject
from experiments_app.artefacts.systemd import systemd_unit
from tasks_app.spec import TaskSpec
from tests.experiments_app.artefacts.hostile import ARGUMENTS, ENVIRONMENT, subject
from tests.factories import task_data

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^ ]+)')
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([0-7]{3})|(.))")
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "s": " "}


def analysed(measured: Subject, folder: Path) -> str:
    """What systemd has read of it; it finds nothing to say against it."""
    made = systemd_unit(measured)
    assert made is not None
    path = folder / made.file_name
    path.write_text(made.file_text)
    words = ["systemd-analyze", "verify", "--man=no", str(path)]
    checked = subprocess.run(words, capture_output=True, text=True, check=False)
    about = [line for line in checked.stderr.splitlines() if made.file_name in line]
    assert (checked.returncode, about) == (0, [])
    told = subprocess.run(
        words, env={**os.environ, "SYSTEMD_LOG_LEVEL": "debug"}, capture_output=True, check=True
    )
    return told.stdout.decode()


def unescaped(text: str) -> str:
    """As systemd writes what it has read, in its own C escapes."""

    def char(match: re.Match[str]) -> str:
        if code := match[1] or match[2]:
            return chr(int(code, 16))
        return chr(int(match[3], 8)) if match[3] else _SHORT.get(match[4], match[4])

    return _ESCAPE.sub(char, text)


def started(told: str) -> list[str]:
    """The words of ExecStart, as they are when it is started."""
    (line,) = re.findall(r"^\t\t\tCommand Line: (.*)$", told, re.MULTILINE)
    words = [bare if bare else unescaped(quoted) for quoted, bare in _WORD.findall(line)]
    # What is a variable is put in then; systemd.service(5): use "$$" for a dollar.
    assert all("$" not in word.replace("$$", "") for word in words)
    return [word.replace("$$", "$") for word in words]


def test_it_starts_the_command_that_was_measured(tmp_path: Path) -> None:
    assert started(analysed(subject(), tmp_path)) == ["/usr/bin/env", *ARGUMENTS]


def test_it_has_the_environment_that_was_measured(tmp_path: Path) -> None:
    told = analysed(subject(), tmp_path)
    values = re.findall(r"\n\t\tEnvironment: (.*?)(?=\n\t\t[A-Z][A-Za-z]+: )", told, re.DOTALL)
    found = dict(value.partition("=")[::2] for value in values)
    assert found == ENVIRONMENT


def test_a_name_that_ends_in_a_backslash_takes_no_line_along(tmp_path: Path) -> None:
    spec = TaskSpec.from_data(task_data(model={"id_or_path": "C:\\models\\"}))
    told = analysed(subject(spec=spec), tmp_path)
    assert "Description: C:\\models\n" in told
    assert "Wants: network-online.target" in told


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    assert "EnvironmentFile: /etc/engine.env" in analysed(subject(), tmp_path)
    without = analysed(subject(secrets=frozenset(), environment={}), tmp_path)
    assert "EnvironmentFile" not in without


@pytest.mark.parametrize(("gpus", "private"), [([], "yes"), (["GPU-1"], "no")])
def test_it_sees_devices_where_it_was_measured_on_gpus(
    gpus: list[str], private: str, tmp_path: Path
) -> None:
    measured = subject()
    measured.experiment.gpu_ids = gpus
    told = analysed(measured, tmp_path)
    assert f"PrivateDevices: {private}" in told
    assert "ProtectSystem: strict" in told
