"""What a server was asked, and what runs of genai-bench there are."""

import contextlib
import json
import urllib.request
from typing import Any

import psutil
import pytest

from experiments_app.benchmark import (
    BenchmarkError,
    BenchmarkRequest,
    ErrorKind,
    run_benchmark,
)
from tests.known_pace_server import KnownPaceServer


def asked_of(server: KnownPaceServer, what: str = "requests") -> Any:
    with urllib.request.urlopen(f"{server.api_base}/{what}", timeout=10) as answer:
        return json.load(answer)


def launchers() -> list[psutil.Process]:
    """The genai-bench processes that this one started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            if "experiments_app.benchmark.launcher" in child.cmdline():
                found.append(child)
    return found


def fails_with(kind: ErrorKind, request: BenchmarkRequest, **options: Any) -> BenchmarkError:
    with pytest.raises(BenchmarkError) as raised:
        run_benchmark(request, **options)
    assert raised.value.kind == kind, raised.value.message
    assert not launchers()
    return raised.value
