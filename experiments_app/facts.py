"""The circumstances that results depend on besides the flags: model, machine, traffic."""

from functools import cache
from pathlib import Path
from statistics import fmean

from experiments_app.gpu_demand import gpus_of
from experiments_app.gpus import find_gpus
from tasks_app.expressions import ExpressionError
from tasks_app.runtimes import RuntimeFileError
from tasks_app.space import Scalar
from tasks_app.spec import TaskSpec

CPU_INFO = Path("/proc/cpuinfo")
FACTS = ("model", "gpu", "runtime", "input_tokens", "output_tokens")
"""`gpu` is the name of the GPU, or of the processor where a task runs on that."""


def facts_of(spec: TaskSpec) -> dict[str, Scalar]:
    """For a run of `spec` on this machine; what is not known is None."""
    tokens = [t for s in spec.benchmark.scenarios if (t := s.mean_tokens) is not None]
    return {
        "model": spec.model.last_segment,
        "gpu": _device(spec),
        "runtime": spec.base_runtime,
        "input_tokens": fmean(t[0] for t in tokens) if tokens else None,
        "output_tokens": fmean(t[1] for t in tokens) if tokens else None,
    }


def _device(spec: TaskSpec) -> str | None:
    try:
        on_gpus = gpus_of(spec, spec.baseline_parameters()) > 0
    except (RuntimeFileError, ExpressionError):
        return None
    if not on_gpus:
        return cpu_name()
    gpus = find_gpus()
    return gpus[0].name if gpus else None


@cache
def cpu_name() -> str | None:
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        return None
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, None)
