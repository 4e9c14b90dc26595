"""A runtime with GPUs whose catalogue is not closed, and tasks for it."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import RuntimeCatalogue
from tasks_app.spec import validate_spec

Document = dict[str, Any]
ProblemsWith = Callable[..., list[Problem]]

OPEN_RUNTIME = """
name: open-engine
command: [my-server, --model, "{model_path}", --port, "{port}"]
image: registry/open-engine:1.0
genai_bench_backend: vllm
devices: tp-size * pp-size
flags:
  tp-size: {type: int, default: 1, values: [1, 2, 4, 8]}
  pp-size: {type: int, default: 1, low: 1}
  mem-fraction-static: {type: float, default: 0.9, low: 0.1, high: 1.0}
  page-size: {type: int}
  odd_name: {type: str}
"""


def open_document(**changes: Any) -> Document:
    return {
        "task_name": "open",
        "base_runtime": "open-engine",
        "model": {"id_or_path": "org/model"},
        "parameters": {"tp-size": [1, 2, 4]},
    } | changes


def problems(document: Document, catalogue: RuntimeCatalogue, gpus: int | None = None) -> list[str]:
    with pytest.raises(SpecError) as caught:
        validate_spec(document, catalogue=catalogue, gpus=gpus)
    return [str(problem) for problem in caught.value.problems]
