from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import RuntimeCatalogue, load_runtimes
from tasks_app.spec import validate_spec
from tests.tasks_app.open_runtime import OPEN_RUNTIME, Document


@pytest.fixture(scope="session")
def catalogue() -> RuntimeCatalogue:
    """The shipped runtimes."""
    return load_runtimes()


@pytest.fixture
def open_catalogue(tmp_path: Path) -> RuntimeCatalogue:
    """The shipped runtimes and one with GPUs, whose catalogue is not closed."""
    (tmp_path / "open-engine.yaml").write_text(OPEN_RUNTIME)
    return load_runtimes(tmp_path)


@pytest.fixture
def document() -> Document:
    """A small task document that is right."""
    return {
        "task_name": "small",
        "deployment_mode": "local",
        "base_runtime": "llamacpp",
        "model": {"id_or_path": "smollm2-135m"},
        "parameters": {"threads": [1, 2], "ubatch-size": {"low": 64, "high": 512, "log": True}},
    }


@pytest.fixture
def problems_with(document: Document, catalogue: RuntimeCatalogue) -> Callable[..., list[Problem]]:
    """Everything that is wrong with the small document after top-level keys were replaced."""

    def check(**changes: Any) -> list[Problem]:
        with pytest.raises(SpecError) as caught:
            validate_spec(document | changes, catalogue=catalogue)
        return list(caught.value.problems)

    return check
