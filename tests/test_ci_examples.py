"""The examples of docs/ci.md: they are YAML, and what they call is there with these options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import load_command_class

PROJECT_ROOT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT_ROOT / "docs" / "ci.md").read_text()
APPS = {"tune": "experiments_app", "validate": "experiments_app", "migrate": "django.core"}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[dict[Any, Any]]:
    return [yaml.safe_load(text) for kind, text in BLOCK.findall(TEXT) if kind == "yaml"]


def scripts(node: Any) -> Iterator[str]:
    """What is run in a shell."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "run":
                yield value
            elif key in {"script", "before_script"}:
                yield from value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


def command_lines() -> list[list[str]]:
    """Every call of manage.py, in the examples and beside them, up to a redirection."""
    shell = [text.replace("\\\n", " ") for kind, text in BLOCK.findall(TEXT) if kind == "sh"]
    lines = [line for script in (*shell, *scripts(examples())) for line in script.splitlines()]
    calls = [shlex.split(line) for line in lines if "manage.py" in line]
    found = []
    for words in calls:
        at = next(i for i, word in enumerate(words) if word.endswith("manage.py"))
        ends = [i for i, word in enumerate(words) if word.startswith(">")] or [len(words)]
        found.append(words[at + 1 : ends[0]])
    return found


def test_there_is_one_for_github_and_one_for_gitlab() -> None:
    github, gitlab = examples()
    assert github[True].keys() == {"pull_request", "workflow_dispatch"}  # `on` is true to YAML 1.1
    for step in github["jobs"]["tune"]["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert step.get("uses", "a/b@v1").count("@") == 1
    assert gitlab["tune"]["artifacts"]["reports"]["junit"] == "report.xml"
    for environment in (github["jobs"]["tune"]["env"], gitlab["tune"]["variables"]):
        assert environment.keys() >= {"AUTOTUNER_HOME", "HF_HOME"}


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_every_command_takes_these_options(words: list[str]) -> None:
    name, *arguments = words
    parser = load_command_class(APPS[name], name).create_parser("manage.py", name)
    options = parser.parse_args(arguments)
    if name == "tune":
        assert options.file_or_name == "serving/task.yaml"


def test_it_tunes_in_both_with_gates_and_summaries() -> None:
    tuned = [words for words in command_lines() if words[0] == "tune" and "--junit" in words]
    assert len(tuned) == 3
    assert len({tuple(words) for words in tuned}) == 1
    assert {"--json", "--fail-below-baseline", "--max-regression", "--markdown"} <= set(tuned[0])


def test_the_make_target_that_sets_up_is_there() -> None:
    targets = re.findall(r"make -C autotuner (\S+)", TEXT)
    assert targets
    makefile = (PROJECT_ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    assert all(f"\n{target}:" in makefile for target in targets)
