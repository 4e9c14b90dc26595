"""One benchmark of one running engine, by genai-bench in a process of its own.

The names are imported when they are first used: the launcher, which runs inside the genai-bench
process, belongs to this package too, and there gevent must come before anything else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments_app.benchmark.errors import BenchmarkError, ErrorKind
    from experiments_app.benchmark.genai_bench import GenaiBench, run_benchmark
    from experiments_app.benchmark.request import BenchmarkRequest, Progress
    from experiments_app.benchmark.results import LevelResult, RequestSample

__all__ = [
    "BenchmarkError",
    "BenchmarkRequest",
    "ErrorKind",
    "GenaiBench",
    "LevelResult",
    "Progress",
    "RequestSample",
    "run_benchmark",
]

_HOMES = {
    "BenchmarkError": "errors",
    "BenchmarkRequest": "request",
    "ErrorKind": "errors",
    "GenaiBench": "genai_bench",
    "LevelResult": "results",
    "Progress": "request",
    "RequestSample": "results",
    "run_benchmark": "genai_bench",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
