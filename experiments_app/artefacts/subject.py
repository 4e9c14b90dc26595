"""What was measured, as far as it takes to start it again somewhere else."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.conf import settings

from experiments_app import words
from experiments_app.allow_lists import NotAllowed
from experiments_app.containers.description import ContainerDescription
from experiments_app.containers.recorded import NotRecorded, read_shell_command
from experiments_app.engines.model_source import ModelNotFound
from experiments_app.gpu_demand import gpus_of
from experiments_app.launch_plan import describe_container, find_model, image_of
from experiments_app.llamacpp.tokenizer import TokenizerError
from experiments_app.models import Experiment
from experiments_app.network import network_environment
from tasks_app.expressions import ExpressionError
from tasks_app.masking import hidden_names
from tasks_app.runtimes import Runtime, RuntimeFileError, load_runtime
from tasks_app.spec import TaskSpec
from tasks_app.volumes import VolumeRefused

LONGEST_NAME = 40
HEALTH_PATH = "/health"


@dataclass(frozen=True)
class Subject:
    """An experiment to be deployed.

    `name` fits a DNS label, a file and a unit alike. `flags` is None where the runtime was removed
    since. `command` and `environment` are the process that was measured; both are empty for a
    container. `secrets`: variables whose values stand in no artefact. `container` is what was
    measured, or for a process the container that would be; its image is named by its digest, or
    by its id where no registry has it; `image` is what people call it.
    """

    name: str
    title: str
    spec: TaskSpec
    experiment: Experiment
    is_container: bool
    flags: tuple[str, ...] | None = None
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    container: ContainerDescription | None = None
    image: str = ""
    health_path: str = HEALTH_PATH

    @classmethod
    def of(cls, spec: TaskSpec, experiment: Experiment) -> "Subject":
        runtime = _runtime(spec)
        is_container = spec.deployment_mode == "docker"
        environment = {} if is_container else _process_environment(spec, experiment, runtime)
        return cls(
            name=label_of(spec.served_model_name),
            title=_title(experiment),
            spec=spec,
            experiment=experiment,
            is_container=is_container,
            flags=tuple(runtime.flag_arguments(experiment.parameters)) if runtime else None,
            command=() if is_container else tuple(map(str, experiment.command)),
            environment=environment,
            secrets=hidden_names(environment),
            container=_container(spec, experiment, runtime),
            image=image_of(spec, runtime) if runtime else "",
            health_path=spec.readiness.health_path
            or (runtime.health_path if runtime else HEALTH_PATH),
        )

    @property
    def not_measured_so(self) -> str:
        """Said of a container's forms where a process was measured."""
        return "" if self.is_container else "It was measured as a process of this machine, not so."


def label_of(text: str) -> str:
    """A DNS label of it: `SmolLM2 135M` as `smollm2-135m`; begins with a letter."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return found if found[:1].isalpha() else f"server-{found}".strip("-")


def _title(experiment: Experiment) -> str:
    what = words.experiment(experiment.number)
    return f"{experiment.task.name}, run {experiment.run}, {what}"


def _runtime(spec: TaskSpec) -> Runtime | None:
    try:
        return load_runtime(spec.base_runtime)
    except RuntimeFileError:
        return None


def _process_environment(
    spec: TaskSpec, experiment: Experiment, runtime: Runtime | None
) -> dict[str, str]:
    """What a process was given, beside what every process of its user has."""
    if not experiment.command:
        return {}
    program = str(experiment.command[0])
    folders = [os.path.dirname(program)] if os.path.isabs(program) else []  # noqa: PTH117, PTH120
    environment = {
        "PATH": ":".join([*folders, "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONUNBUFFERED": "1",
        **network_environment(spec.access),
        **(runtime.environment if runtime else {}),
        **spec.environment,
    }
    if experiment.gpu_ids:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(experiment.gpu_ids)
    return environment


def _container(
    spec: TaskSpec, experiment: Experiment, runtime: Runtime | None
) -> ContainerDescription | None:
    port = experiment.port or settings.PORT_RANGE[0]
    if spec.deployment_mode == "docker" and experiment.command:
        try:
            found = read_shell_command([*map(str, experiment.command)], port=port)
        except NotRecorded:  # by an earlier version of this site
            pass
        else:
            return replace(found, image=experiment.image_digest or found.image)
    return _described(spec, experiment, runtime, port) if runtime else None


def _described(
    spec: TaskSpec, experiment: Experiment, runtime: Runtime, port: int
) -> ContainerDescription | None:
    """The container that the site would make of it today."""
    if not (runtime.image or spec.runtime_image):
        return None
    try:
        return describe_container(
            spec,
            experiment.parameters,
            runtime=runtime,
            model=find_model(spec),
            port=port,
            devices=gpus_of(spec, experiment.parameters),
            gpu_ids=tuple(experiment.gpu_ids),
        )
    except (
        RuntimeFileError,
        ExpressionError,
        ModelNotFound,
        TokenizerError,
        VolumeRefused,
        NotAllowed,
    ):
        return None
