"""How many GPUs a configuration takes, and whether this host has them."""

from collections.abc import Mapping

from experiments_app.models import Experiment
from experiments_app.recorded_runtime import recorded_for
from tasks_app import spec_gpus
from tasks_app.expressions import ExpressionError, Scalar
from tasks_app.models import Run
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import Runtime, RuntimeFileError, load_runtime, site_runtimes
from tasks_app.spec import TaskSpec


def gpus_of(
    spec: TaskSpec, parameters: Mapping[str, Scalar], runtime: Runtime | None = None
) -> int:
    """The GPUs that a configuration takes; 0 for one that runs on the CPU.

    `runtime`: another one than today's file has. Raises RuntimeFileError, and ExpressionError of
    the runtime's `devices`.
    """
    if not spec.use_gpus:
        return 0
    return (runtime or load_runtime(spec.base_runtime)).device_count(parameters)


def gpus_needed(experiment_pk: int) -> int:
    """The GPUs that an experiment takes.

    0 where that cannot be told: it is then claimed like one for the CPU, and fails with the cause.
    """
    experiment = Experiment.objects.get(pk=experiment_pk)
    try:
        run = Run.objects.get(task=experiment.task_id, number=experiment.run)
        return gpus_of(run.task_spec, experiment.parameters, recorded_for(experiment, run))
    except (RuntimeFileError, ExpressionError, SpecError):
        return 0


def gpu_problems(spec: TaskSpec, gpus: int) -> list[Problem]:
    """Why a task cannot start on a host where a configuration can have so many GPUs."""
    runtime = site_runtimes().find(spec.base_runtime)
    return spec_gpus.gpu_problems(spec, runtime, gpus) if runtime else []


def gpu_warnings(spec: TaskSpec, gpus: int) -> list[Problem]:
    """The same for a task that is only written down, and which configurations are left out."""
    runtime = site_runtimes().find(spec.base_runtime)
    return spec_gpus.gpu_warnings(spec, runtime, gpus) if runtime else []
