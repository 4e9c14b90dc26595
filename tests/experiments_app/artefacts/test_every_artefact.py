"""What holds for every form."""

import re

import pytest

from experiments_app.artefacts import MAKERS
from tests.experiments_app.artefacts.hostile import SECRET, subject

OF_A_CONTAINER = {"docker-run", "compose", "kubernetes"}
OF_A_PROCESS = {"command", "systemd"}


@pytest.mark.parametrize("kind", MAKERS)
def test_it_is_a_file_by_its_kind_without_secrets(kind: str) -> None:
    made = MAKERS[kind](subject())
    assert made is not None
    assert made.kind == kind
    assert re.fullmatch(r"[a-z0-9-]+(\.[a-z]+)", made.file_name)
    assert SECRET not in made.file_text
    assert made.text.strip() in made.file_text
    assert made.file_text.endswith("\n")
    assert made.title


@pytest.mark.parametrize("kind", MAKERS)
def test_it_is_not_made_of_what_was_not_measured(kind: str) -> None:
    made = MAKERS[kind](subject(container=None, command=(), flags=None))
    assert (made is None) == (kind != "task-file")


def test_there_is_a_test_of_each() -> None:
    assert set(MAKERS) == {"flags", "task-file", *OF_A_CONTAINER, *OF_A_PROCESS}
