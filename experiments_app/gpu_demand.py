"""How many GPUs a configuration takes, and whether this host has them."""

from collections.abc import Mapping

from experiments_app.models import Experiment
from tasks_app import spec_gpus
from tasks_app.expressions import ExpressionError, Scalar
from tasks_app.models import Run
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes import RuntimeFileError, load_runtime, site_runtimes
from tasks_app.spec import TaskSpec


def gpus_of(spec: TaskSpec, parameters: Mapping[str, Scalar]) -> int:
    """The GPUs that a configuration takes; 0 for one that runs on the CPU.

    Raises RuntimeFileError, and ExpressionError of the runtime's `devices`.
    """
    return load_runtime(spec.base_runtime).device_count(parameters) if spec.use_gpus else 0


def gpus_needed(experiment_pk: int) -> int:
    """The GPUs that an experiment takes.

    0 where that cannot be told: it is then claimed like one for the CPU, and fails with the cause.
    """
    experiment = Experiment.objects.get(pk=experiment_pk)
    try:
        spec = Run.objects.get(task=experiment.task_id, number=experiment.run).task_spec
        return gpus_of(spec, experiment.parameters)
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
